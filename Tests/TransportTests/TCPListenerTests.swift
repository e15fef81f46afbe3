import HawserTLS
import HawserTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1)))
struct `A TCP listener` {
  private static func limits(
    handshakes: Int = 100,
    perAddress: Int = 100,
    time: Duration = .seconds(10)
  ) -> TCPListener.Limits {
    var limits = TCPListener.Limits()
    limits.handshakes = handshakes
    limits.handshakesPerAddress = perAddress
    limits.handshakeTime = time
    return limits
  }

  @Test(arguments: [limits(handshakes: 2), limits(perAddress: 2)])
  func `refuses connections beyond the handshakes it allows`(
    limits: TCPListener.Limits
  ) async throws {
    try await LinkBench.with(limits: limits, establishes: false) { bench in
      let first = try await bench.connectRaw(speaksTLS: false)
      _ = try await bench.connectRaw(speaksTLS: false)
      let server = try await bench.accepted(1)
      let third = try await bench.connectRaw(speaksTLS: false)
      try await third.wait { _, _, isClosed in isClosed }
      #expect(try await bench.refusedConnections == 1)

      // One that is given up frees its slot …
      try await first.channel.close()
      _ = try await (bench.accepted(0)).closing()
      let fourth = try await bench.dial()
      try await fourth.wait { $0.isReady }
      // … and so does one that is established.
      try await (bench.accepted(2)).wait { $0.isReady }
      try await (bench.accepted(2)).run { $0.link?.established() }
      let fifth = try await bench.dial()
      try await fifth.wait { $0.isReady }
      #expect(try await server.run { $0.closings.isEmpty })
      #expect(try await bench.refusedConnections == 1)
    }
  }

  @Test func `closes connections that say nothing`() async throws {
    try await LinkBench.with(limits: Self.limits(time: .milliseconds(200))) { bench in
      let raw = try await bench.connectRaw(speaksTLS: false)
      let server = try await bench.accepted(0)
      #expect(try await server.closing() == .handshakeTimeout)
      try await raw.wait { _, _, isClosed in isClosed }
    }
  }

  @Test func `closes links that are secured and never established`() async throws {
    try await LinkBench.with(limits: Self.limits(time: .seconds(1)), establishes: false) {
      bench in
      let client = try await bench.dial()
      let server = try await bench.accepted(0)
      #expect(try await server.closing() == .handshakeTimeout)
      #expect(try await client.closing() == .closedByPeer)
    }
  }

  @Test func `keeps established links beyond the handshake's time`() async throws {
    try await LinkBench.with(limits: Self.limits(time: .seconds(1))) { bench in
      let (client, server) = try await bench.pair()
      // A connection that came later has run into its limit: so the pair's has passed too.
      _ = try await bench.connectRaw(speaksTLS: false)
      #expect(try await (bench.accepted(1)).closing() == .handshakeTimeout)
      try await client.run { $0.send([ByteBuffer(string: "still here")]) }
      try await server.wait { $0.received == [ByteBuffer(string: "still here")] }
    }
  }
}
