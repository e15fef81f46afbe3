import HawserTLS
import HawserTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `A TCP listener` {
  private static func limits(
    handshakes: Int = 100,
    perAddress: Int = 100,
    time: Duration = .seconds(600),
    firstByteTime: Duration = .seconds(600),
    protection: Duration = .seconds(600)
  ) -> TCPListener.Limits {
    var limits = TCPListener.Limits()
    limits.handshakes = handshakes
    limits.handshakesPerAddress = perAddress
    limits.handshakeTime = time
    limits.firstByteTime = firstByteTime
    limits.protection = protection
    return limits
  }

  @Test(arguments: [limits(handshakes: 2), limits(perAddress: 2)])
  func `refuses newcomers while all those that it allows have got somewhere`(
    limits: TCPListener.Limits
  ) async throws {
    try await LinkBench.with(limits: limits, establishes: false) { bench in
      let first = try await bench.dial()
      let second = try await bench.dial()
      for peer in [first, second] { try await peer.wait { $0.isReady } }
      let third = try await bench.connectRaw(speaksTLS: false)
      try await third.wait { _, _, isClosed in isClosed }
      #expect(try await bench.refusedConnections == 1)

      // One that is given up frees its place …
      try await first.run { $0.link?.abort() }
      _ = try await (bench.accepted(0)).closing()
      let fourth = try await bench.dial()
      try await fourth.wait { $0.isReady }
      // … and so does one that is established.
      try await (bench.accepted(2)).wait { $0.isReady }
      try await (bench.accepted(2)).run { $0.link?.established() }
      let fifth = try await bench.dial()
      try await fifth.wait { $0.isReady }
      #expect(try await second.run { $0.closings } == [])
      #expect(try await bench.refusedConnections == 1)
    }
  }

  @Test(arguments: [limits(handshakes: 2), limits(perAddress: 2)])
  func `closes the oldest silent connection for a newcomer, and says so once`(
    limits: TCPListener.Limits
  ) async throws {
    try await LinkBench.with(limits: limits, establishes: false) { bench in
      let raws = [
        try await bench.connectRaw(speaksTLS: false), try await bench.connectRaw(speaksTLS: false),
      ]
      _ = try await bench.accepted(1)
      let first = try await bench.dial()
      try await first.wait { $0.isReady }
      #expect(try await (bench.accepted(0)).closing() == .gaveWay)
      try await raws[0].wait { _, _, isClosed in isClosed }
      #expect(try await bench.refusedConnections == 1)
      let second = try await bench.dial()
      try await second.wait { $0.isReady }
      #expect(try await (bench.accepted(1)).closing() == .gaveWay)
      #expect(try await bench.refusedConnections == 2)
      #expect(try await first.run { $0.closings } == [])
      #expect(bench.warnings.count == 1)
    }
  }

  @Test func `closes who speaks and gets nowhere when its time of protection is over`()
    async throws
  {
    let limits = Self.limits(handshakes: 1, protection: .zero)
    try await LinkBench.with(limits: limits, establishes: false) { bench in
      let first = try await bench.dial()
      try await first.wait { $0.isReady }
      let second = try await bench.dial()
      try await second.wait { $0.isReady }
      #expect(try await (bench.accepted(0)).closing() == .gaveWay)
    }
  }

  @Test func `waits for a first byte less long than for the rest`() async throws {
    let limits = Self.limits(firstByteTime: .seconds(1))
    try await LinkBench.with(limits: limits, establishes: false) { bench in
      let first = try await bench.dial()
      try await first.wait { $0.isReady }
      _ = try await bench.connectRaw(speaksTLS: false)
      #expect(try await (bench.accepted(1)).closing() == .handshakeTimeout)
      #expect(try await first.run { $0.closings } == [])
    }
  }

  @Test func `closes connections that say too little`() async throws {
    try await LinkBench.with(
      limits: Self.limits(time: .milliseconds(200))
    ) { bench in
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

  @Test(arguments: [false, true])
  func `lets a dialler in while 300 strangers say nothing`(fromManyAddresses: Bool) async throws {
    // As long as the strangers stay they keep their places, unless they give way.
    var limits = TCPListener.Limits()
    limits.firstByteTime = .seconds(60)
    limits.handshakeTime = .seconds(60)
    try await LinkBench.with(limits: limits) { bench in
      let strangers = PlainSockets()
      for index in 0..<300 as Range<UInt16> {
        try strangers.connect(to: bench.port, from: fromManyAddresses ? 512 + index : nil)
      }
      let client = try await bench.dial(timeout: .seconds(50))
      try await client.wait { $0.isReady || !$0.closings.isEmpty }
      #expect(try await client.run { $0.closings } == [])
    }
  }
}
