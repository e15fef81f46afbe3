import Foundation
import HawserTLS
import HawserTransport
import NIOCore
import Testing

/// The `openssl` tool as a peer that is not ours.
@Suite(.timeLimit(.minutes(10)))
struct `The openssl tool` {
  /// Runs `openssl s_client` against a bench; it stays until its input or the connection ends.
  private static func client(_ arguments: [String], port: Int) throws -> OpenSSLProcess {
    try OpenSSLProcess(
      ["s_client", "-connect", "127.0.0.1:\(port)", "-quiet", "-no_ign_eof"] + arguments
    )
  }

  @Test func `speaks with a listener`() async throws {
    try await LinkBench.with { bench in
      let tool = try Self.client(["-tls1_3", "-alpn", "hawser/1"], port: bench.port)
      defer { tool.stop() }
      let server = try await bench.accepted(0)
      try await server.wait { $0.isReady }
      var message = ByteBuffer()
      RecordEncoder.write(record: ByteBuffer(string: "from outside"), to: &message)
      try tool.send(message)
      try await server.wait { $0.received == [ByteBuffer(string: "from outside")] }
      tool.endInput()
      #expect(try await server.closing() == .closedByPeer)
    }
  }

  @Test(arguments: [
    (["-tls1_2", "-alpn", "hawser/1"], TLSError.unsupportedVersion),
    (["-tls1_3", "-alpn", "h2,http/1.1"], .wrongApplicationProtocol),
    (["-tls1_3"], .wrongApplicationProtocol),
  ])
  func `is refused by a listener`(arguments: [String], error: TLSError) async throws {
    try await LinkBench.with { bench in
      let tool = try Self.client(arguments, port: bench.port)
      defer { tool.stop() }
      #expect(try await (bench.accepted(0)).closing() == .tls(error))
    }
  }

  @Test(
    arguments: [
      (["-tls1_3", "-alpn", "hawser/1"], nil),
      (["-tls1_2", "-alpn", "hawser/1"], .unsupportedVersion),
      (["-tls1_3", "-alpn", "h2"], .wrongApplicationProtocol),
      (["-tls1_3"], .wrongApplicationProtocol),
    ] as [([String], TLSError?)]
  )
  func `is dialled`(arguments: [String], error: TLSError?) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    // RFC 8410 §7: an Ed25519 key in PKCS #8 is this prefix and the seed.
    let prefix: [UInt8] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32]
    let keyFile = directory.appending(path: "key.der")
    try Data(prefix + LinkBench.seed).write(to: keyFile)
    let certificateFile = directory.appending(path: "certificate.pem")
    let maker = try OpenSSLProcess([
      "req", "-x509", "-key", keyFile.path, "-keyform", "DER", "-subj", "/CN=other", "-days", "9",
      "-out", certificateFile.path,
    ])
    await maker.end()
    let tool = try OpenSSLProcess(
      [
        "s_server", "-accept", "127.0.0.1:0", "-cert", certificateFile.path,
        "-key", keyFile.path, "-keyform", "DER",
      ] + arguments
    )
    defer { tool.stop() }
    let port = try await tool.acceptPort()
    try await LinkBench.with { bench in
      let client = try await bench.dial(port: port)
      if let error {
        #expect(try await client.closing() == .tls(error))
      } else {
        try await client.wait { $0.isReady }
      }
    }
  }
}

/// A run of the `openssl` tool.
final class OpenSSLProcess: Sendable {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let printed: AsyncStream<Data>
  private let ended: AsyncStream<Void>

  init(_ arguments: [String]) throws {
    let (ended, ending) = AsyncStream.makeStream(of: Void.self)
    self.ended = ended
    let (printed, printing) = AsyncStream.makeStream(of: Data.self)
    self.printed = printed
    output.fileHandleForReading.readabilityHandler = { handle in
      let data = handle.availableData
      guard !data.isEmpty else {
        handle.readabilityHandler = nil
        return printing.finish()
      }
      printing.yield(data)
    }
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.terminationHandler = { _ in ending.finish() }
    try process.run()
  }

  func send(_ bytes: ByteBuffer) throws {
    try input.fileHandleForWriting.write(contentsOf: Data(bytes.readableBytesView))
  }

  func endInput() {
    try? input.fileHandleForWriting.close()
  }

  func end() async {
    for await _ in ended {}
  }

  func stop() {
    endInput()
    // After SIGTERM s_server was seen to stay.
    kill(process.processIdentifier, SIGKILL)
    output.fileHandleForReading.readabilityHandler = nil
  }

  /// The port that `s_server` says it listens on.
  func acceptPort() async throws -> Int {
    var text = ""
    for await chunk in printed {
      text += String(decoding: chunk, as: UTF8.self)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      guard let line = lines.first(where: { $0.hasPrefix("ACCEPT") }) else { continue }
      return try #require(line.split(separator: ":").last.flatMap { Int($0) })
    }
    throw CancellationError()
  }
}
