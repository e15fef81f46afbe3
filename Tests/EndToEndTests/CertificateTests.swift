import Foundation
import Testing

/// A join URL without a key trusts who the authorities vouch for, by the server's name.
@Suite(.timeLimit(.minutes(10))) struct CertificateTests {
  @Test(arguments: TransportUnderTest.allCases)
  func `a certificate of an authority serves a join URL without a key`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let authority = try Authority(in: lab.path("authority"))
      let target = lab.keep(try .echo())
      let server = try lab.server([
        "--certificate", authority.chain, "--certificate-key", authority.key,
      ])
      let pinned = try server.joinURL()
      let unpinned = pinned.replacing(/@127\.0\.0\.1:(\d+)\?.*/) { "@localhost:\($0.1)" }
      _ = try lab.provider(
        join: unpinned,
        target: "127.0.0.1:\(target.port)",
        environment: ["SSL_CERT_FILE": authority.root]
      )
      try server.client().exchange("vouched for\n")

      // The name in the certificate is not this one.
      let wrongName = unpinned.replacing("@localhost:", with: "@127.0.0.1:")
      let provider = try lab.startProvider(
        join: wrongName,
        target: "9",
        environment: ["SSL_CERT_FILE": authority.root]
      )
      #expect(try provider.exitStatus() == 69)

      // Nobody vouches for it.
      let stranger = try lab.startProvider(join: unpinned, target: "9")
      #expect(try stranger.exitStatus() == 69)
      #expect(stranger.logText.contains("certificate"))

      // Who has the key does not need the authority.
      _ = try lab.provider(join: pinned, target: "127.0.0.1:\(target.port)", name: "pinned")
    }
  }
}

/// An authority of this test alone, and a certificate that it signed for `localhost`.
private struct Authority {
  let root: String
  let chain: String
  let key: String

  init(in folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }
    func openssl(_ arguments: [String]) throws {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = ["openssl"] + arguments
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
    }
    root = path("root.pem")
    chain = path("chain.pem")
    key = path("key.pem")
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    try openssl(
      ["req", "-x509"] + curve + [
        "-keyout", path("root.key"), "-out", root, "-days", "2", "-subj", "/CN=Test Authority",
      ]
    )
    try openssl(
      ["req"] + curve + ["-keyout", key, "-out", path("request.pem"), "-subj", "/CN=localhost"]
    )
    try "subjectAltName=DNS:localhost\n"
      .write(toFile: path("names"), atomically: true, encoding: .utf8)
    try openssl([
      "x509", "-req", "-in", path("request.pem"), "-CA", root, "-CAkey", path("root.key"),
      "-CAcreateserial", "-days", "2", "-extfile", path("names"), "-out", chain,
    ])
  }
}
