import Foundation
import Testing

/// A real PostgreSQL with one database, open to whoever reaches it.
struct PostgresServer {
  let port: Int
  static let user = "hawser"
}

extension Lab {
  /// Starts a PostgreSQL that is stopped at the end of the test.
  func postgres() throws -> PostgresServer {
    let programs = try #require(
      try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").max(),
      "PostgreSQL is not installed"
    )
    let bin = "/usr/lib/postgresql/\(programs)/bin"
    let data = path("postgres")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    var launcher: [String] = []
    if getuid() == 0 {
      // PostgreSQL does not run as root: it gets the user that its package made, who has to get
      // through to its folder.
      launcher = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
      try succeed("chown", ["postgres", data.plainPath])
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o711],
        ofItemAtPath: directory.plainPath
      )
    }
    func command(_ program: String, _ arguments: [String]) -> (String, [String]) {
      let words = launcher + ["\(bin)/\(program)"] + arguments
      return (words[0], Array(words.dropFirst()))
    }

    let (initialise, initialisation) = command(
      "initdb",
      [
        "-D", data.plainPath, "-U", PostgresServer.user, "-A", "trust", "-E", "UTF8",
        "--no-locale", "--no-sync",
      ]
    )
    try succeed(initialise, initialisation)
    let port = try unusedPort()
    let (start, arguments) = command(
      "postgres",
      [
        "-D", data.plainPath, "-p", "\(port)", "-c", "listen_addresses=127.0.0.1",
        "-c", "unix_socket_directories=", "-c", "fsync=off",
      ]
    )
    // SIGQUIT ends its children at once, without writing anything down.
    try daemon(start, arguments, port: port, stop: SIGQUIT)
    return PostgresServer(port: port)
  }

  /// Runs one statement or command of psql at a port and gives what it answers.
  @discardableResult
  func psql(port: Int, _ statement: String) throws -> String {
    try succeed(
      "psql",
      [
        "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", "\(port)",
        "-U", PostgresServer.user, "-d", "postgres", "-c", statement,
      ]
    ).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
