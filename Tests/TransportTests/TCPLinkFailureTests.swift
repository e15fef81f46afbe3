import HawserPrimitives
import HawserTLS
import HawserTransport
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `A TCP link in trouble` {
  @Test func `ends with the reason when the server has another key`() async throws {
    try await LinkBench.with { bench in
      let client = try await bench.dial(
        verification: .pinned([[UInt8](repeating: 1, count: 32)])
      )
      #expect(try await client.closing() == .tls(.wrongServerKey))
      #expect(try await client.run { $0.isReady } == false)
      let server = try await bench.accepted(0)
      guard case .tls? = try await server.closing() else {
        Issue.record("the server must hear the alert")
        return
      }
    }
  }

  @Test func `is reset`() async throws {
    try await LinkBench.with { bench in
      let path = try await Path(to: bench)
      let client = try await bench.dial(port: path.port)
      let server = try await bench.accepted(0)
      try await client.wait { $0.isReady }
      try await server.wait { $0.isReady }
      try await path.cut()
      for peer in [client, server] {
        guard case .connectionLost? = try await peer.closing() else {
          Issue.record("got \(String(describing: try await peer.closing()))")
          continue
        }
        #expect(try await peer.run { $0.closings.count } == 1)
      }
    }
  }

  @Test func `knows a cut from a close`() async throws {
    try await LinkBench.with { bench in
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      // With bytes unread the kernel would reset the connection.
      try await raw.wait { messages, _, _ in messages.contains(.ping(1)) }
      try await raw.channel.close()
      #expect(try await server.closing() == .truncated)
    }
  }

  @Test func `suspects a silent path, and is healthy again when it speaks`() async throws {
    try await LinkBench.with { bench in
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      try await server.wait { $0.isReady }
      try await server.run { $0.send([ByteBuffer(string: "anyone there?")]) }
      try await server.wait { $0.healths == [.suspect] }
      var report = ByteBuffer()
      RecordEncoder.write(report: 1, to: &report)
      try await raw.send(report)
      try await server.wait { $0.healths == [.suspect, .healthy] }
      #expect(try await server.run { $0.delivered } == [RecordNumber(0)])
    }
  }

  @Test func `dies of ten seconds of silence`() async throws {
    try await LinkBench.with { bench in
      let path = try await Path(to: bench)
      let client = try await bench.dial(port: path.port)
      try await client.wait { !$0.roundTrips.isEmpty }
      try await path.stall()
      try await client.run { $0.send([ByteBuffer(string: "hello?")]) }
      guard case .pathDead(let silence)? = try await client.closing() else {
        Issue.record("got \(String(describing: try await client.closing()))")
        return
      }
      #expect(silence >= .seconds(10))
      #expect(try await client.run { $0.healths.last } == .suspect)
    }
  }

  @Test func `closes within a second when the peer doesn't answer`() async throws {
    try await LinkBench.with { bench in
      let path = try await Path(to: bench)
      let client = try await bench.dial(port: path.port)
      try await client.wait { $0.isReady }
      try await path.stall()
      let start = ContinuousClock.now
      try await client.run { $0.link?.close() }
      #expect(try await client.closing() == .closedHere)
      #expect(ContinuousClock.now - start >= .milliseconds(900))
    }
  }

  @Test(arguments: [
    ([9], RecordFramingViolation.unknownKind(9)),
    ([0, 0x7F, 0xFF], .messageTooLarge(16_383)),
    ([1, 1, 1], .impossibleReport(1)),
    ([3, 1, 63], .unknownPong(63)),
  ])
  func `ends when the peer breaks the rules`(
    bytes: [UInt8],
    violation: RecordFramingViolation
  ) async throws {
    try await LinkBench.with { bench in
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      try await server.wait { $0.isReady }
      try await raw.wait { _, isOpen, _ in isOpen }
      try await raw.send(ByteBuffer(bytes: bytes))
      #expect(try await server.closing() == .protocolViolation(violation))
      try await raw.wait { _, _, isClosed in isClosed }
    }
  }

  @Test(arguments: ["GET / HTTP/1.1\r\nHost: hawser.test\r\n\r\n", "\u{1}\u{2}\u{3}"])
  func `refuses what is not TLS`(text: String) async throws {
    try await LinkBench.with { bench in
      let raw = try await bench.connectRaw(speaksTLS: false)
      try await raw.send(ByteBuffer(string: text))
      let server = try await bench.accepted(0)
      #expect(try await server.closing() == .tls(.notTLS))
      try await raw.wait { _, _, isClosed in isClosed }
    }
  }

  @Test func `is not ready when the dial fails`() async throws {
    try await LinkBench.with { bench in
      // tcpmux's, which nobody serves; one that was free a moment ago may be somebody's.
      let client = try await bench.dial(port: 1)
      guard case .unreachable? = try await client.closing() else {
        Issue.record("got \(String(describing: try await client.closing()))")
        return
      }
      #expect(try await client.run { $0.isReady } == false)
    }
  }

  @Test func `gives up a server that says nothing`() async throws {
    try await LinkBench.with { bench in
      let silent = try await ServerBootstrap(group: bench.loop)
        .bind(host: "127.0.0.1", port: 0).get()
      let client = try await bench.dial(
        port: silent.localAddress?.port,
        timeout: .milliseconds(200)
      )
      #expect(try await client.closing() == .handshakeTimeout)
    }
  }

  @Test func `can be given up while it is being dialled`() async throws {
    try await LinkBench.with { bench in
      let client = try await bench.dial(givesUp: true)
      #expect(try await client.closing() == .closedHere)
      #expect(try await client.run { $0.isReady } == false)
    }
  }

  @Test func `tells its user of the end after the call that ended it`() async throws {
    try await LinkBench.with { bench in
      let (client, _) = try await bench.pair()
      try await client.run { user in
        user.link?.abort()
        #expect(user.closings.isEmpty)
      }
      #expect(try await client.closing() == .closedHere)
    }
  }
}
