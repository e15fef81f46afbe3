import Foundation

/// A real sshd with keys of its own, which lets the one who runs the tests in.
struct SecureShellServer {
  let port: Int
  /// What ssh and scp need to trust it and to be let in.
  let options: [String]
  /// `user@host` of its one user.
  let login = "\(NSUserName())@127.0.0.1"
}

extension Lab {
  /// Starts an sshd that is stopped at the end of the test.
  func secureShell() throws -> SecureShellServer {
    let folder = path("ssh")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func file(_ name: String) -> String { folder.appending(path: name).plainPath }
    for key in ["host", "client"] {
      try succeed("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(key)])
    }
    try FileManager.default.copyItem(atPath: file("client.pub"), toPath: file("authorized"))
    if getuid() == 0 {
      // Compiled into sshd; the machine's boot would have made it.
      try FileManager.default.createDirectory(
        atPath: "/run/sshd",
        withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o755]
      )
    }

    let port = try unusedPort()
    let configuration = """
      ListenAddress 127.0.0.1
      Port \(port)
      HostKey \(file("host"))
      AuthorizedKeysFile \(file("authorized"))
      PidFile none
      StrictModes no
      UsePAM no
      PasswordAuthentication no
      PermitRootLogin prohibit-password
      Subsystem sftp internal-sftp

      """
    try configuration.write(toFile: file("config"), atomically: true, encoding: .utf8)
    // sshd starts itself again for each connection, so it wants its whole path.
    try daemon("/usr/sbin/sshd", ["-D", "-e", "-f", file("config")], port: port)
    let options = [
      "-F", "none", "-i", file("client"), "-o", "BatchMode=yes",
      "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=\(file("known"))",
      "-o", "LogLevel=ERROR",
    ]
    return SecureShellServer(port: port, options: options)
  }
}
