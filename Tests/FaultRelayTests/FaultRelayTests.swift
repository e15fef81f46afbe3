import HawserFaultRelay
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `A fault relay` {
  private let group = MultiThreadedEventLoopGroup.singleton

  /// Relay, target and one connection through both.
  private func connected() async throws -> (FaultRelay, TargetServer, client: Peer, target: Peer) {
    let server = try await TargetServer.start(on: group)
    let relay = try await start(to: server)
    let client = try await Peer.dial(port: relay.port, on: group)
    return (relay, server, client, try await server.accept())
  }

  private func start(to server: TargetServer) async throws -> FaultRelay {
    try await FaultRelay.start(
      listen: "127.0.0.1",
      port: 0,
      to: "127.0.0.1",
      port: server.port,
      on: group
    )
  }

  /// Lets the relay's loop look at its sockets: commands run on that loop, and each of these is a
  /// turn of it after whatever the kernel had ready.
  private func turn(_ relay: FaultRelay) async throws {
    for _ in 0..<10 { _ = try await relay.counters() }
  }

  /// Dials and expects RST, which may come before the dialler knows that it is connected.
  private func expectReset(dialling relay: FaultRelay) async throws {
    guard let client = try? await Peer.dial(port: relay.port, on: group) else { return }
    #expect(try await client.ending() == .reset)
  }

  @Test func `carries bytes and each half's end both ways`() async throws {
    let (relay, _, client, target) = try await connected()
    try await client.send([1, 2, 3])
    try await client.finish()
    #expect(try await target.received(atLeast: 3) == [1, 2, 3])
    #expect(try await target.ending() == .finished)
    try await target.send([4, 5])
    try await target.finish()
    #expect(try await client.received(atLeast: 2) == [4, 5])
    #expect(try await client.ending() == .finished)
    let counters = try await relay.counters()
    #expect(counters.accepted == 1)
    #expect(counters.bytesUp == 3)
    #expect(counters.bytesDown == 2)
    await relay.stop()
  }

  @Test func `cuts every connection with RST towards both sides and relays new ones`() async throws
  {
    let (relay, server, client, target) = try await connected()
    try await client.send([1])
    #expect(try await target.received(atLeast: 1) == [1])
    #expect(try await relay.cut() == 1)
    #expect(try await client.ending() == .reset)
    #expect(try await target.ending() == .reset)

    let next = try await Peer.dial(port: relay.port, on: group)
    try await next.send([7])
    #expect(try await server.accept().received(atLeast: 1) == [7])
    await relay.stop()
  }

  @Test func `refuses new connections with RST and leaves the others alone`() async throws {
    let (relay, _, client, target) = try await connected()
    try await relay.refuse(true)
    try await expectReset(dialling: relay)
    try await client.send([1])
    #expect(try await target.received(atLeast: 1) == [1])
    #expect(try await relay.counters().refused == 1)
    try await relay.refuse(false)
    let accepted = try await Peer.dial(port: relay.port, on: group)
    try await accepted.send([1])
    await relay.stop()
    #expect(try await accepted.ending() == .reset)
  }

  @Test func `holds bytes, ends and new connections while it is silent`() async throws {
    let (relay, server, client, target) = try await connected()
    try await relay.silence(true)
    try await client.send([1, 2])
    try await client.finish()
    try await target.send([3])
    let late = try await Peer.dial(port: relay.port, on: group)
    try await late.send([9])
    try await turn(relay)
    let silent = try await relay.counters()
    #expect(silent.bytesUp == 0)
    #expect(silent.bytesDown == 0)
    #expect(silent.accepted == 1)
    #expect(silent.open == 1)

    try await relay.silence(false)
    #expect(try await target.received(atLeast: 2) == [1, 2])
    #expect(try await target.ending() == .finished)
    #expect(try await client.received(atLeast: 1) == [3])
    #expect(try await server.accept().received(atLeast: 1) == [9])
    await relay.stop()
  }

  @Test func `tells nobody of a reset before the silence ends`() async throws {
    let (relay, _, client, target) = try await connected()
    try await client.send([1])
    #expect(try await target.received(atLeast: 1) == [1])
    try await relay.silence(true)
    try await client.reset()
    try await turn(relay)
    #expect(try await relay.counters().open == 1)
    #expect(target.channel.isActive)
    try await relay.silence(false)
    #expect(try await target.ending() == .reset)
    await relay.stop()
  }

  @Test func `can be cut while it is silent`() async throws {
    let (relay, _, client, target) = try await connected()
    try await relay.silence(true)
    #expect(try await relay.cut() == 1)
    #expect(try await client.ending() == .reset)
    #expect(try await target.ending() == .reset)
    await relay.stop()
  }

  @Test func `delays bytes and ends each way`() async throws {
    let (relay, _, client, target) = try await connected()
    let clock = ContinuousClock()
    let delay = Duration.milliseconds(60)
    try await relay.delay(delay)
    let start = clock.now
    try await client.send([1])
    #expect(try await target.received(atLeast: 1) == [1])
    #expect(clock.now - start >= delay)
    try await target.send([2])
    try await target.finish()
    #expect(try await client.ending() == .finished)
    #expect(clock.now - start >= delay * 2)
    #expect(try await client.received(atLeast: 1) == [2])
    await relay.stop()
  }

  @Test func `keeps to a rate, whatever the number of connections`() async throws {
    let (relay, server, client, target) = try await connected()
    let second = try await Peer.dial(port: relay.port, on: group)
    let secondTarget = try await server.accept()
    let clock = ContinuousClock()
    let bytes = [UInt8](repeating: 5, count: 50_000)
    try await relay.throttle(bytesPerSecond: 400_000)
    let start = clock.now
    try await client.send(bytes)
    try await second.send(bytes)
    #expect(try await target.received(atLeast: bytes.count) == bytes)
    #expect(try await secondTarget.received(atLeast: bytes.count) == bytes)
    // 100,000 bytes take 250 ms; the last quantum of 20 ms is sent at its start.
    #expect(clock.now - start >= .milliseconds(200))
    try await relay.throttle(bytesPerSecond: nil)
    await relay.stop()
  }

  @Test func `sends new connections to the target of the day`() async throws {
    let (relay, _, client, target) = try await connected()
    let other = try await TargetServer.start(on: group)
    try await relay.retarget(to: "127.0.0.1", port: other.port)
    let next = try await Peer.dial(port: relay.port, on: group)
    try await next.send([2])
    #expect(try await other.accept().received(atLeast: 1) == [2])
    try await client.send([1])
    #expect(try await target.received(atLeast: 1) == [1])
    await relay.stop()
  }

  @Test func `resets a client whose target does not answer`() async throws {
    let server = try await TargetServer.start(on: group)
    let relay = try await start(to: server)
    // Not the port of a listener that has closed: another test may have got it since.
    // Nobody listens on port 1.
    try await relay.retarget(to: "127.0.0.1", port: 1)
    try await expectReset(dialling: relay)
    #expect(try await relay.counters().unreachable == 1)
    await relay.stop()
  }

  @Test func `holds a bounded number of bytes for a target that does not read`() async throws {
    let server = try await TargetServer.start(on: group, autoRead: false)
    let relay = try await start(to: server)
    let client = try await Peer.dial(port: relay.port, on: group)
    let target = try await server.accept()
    // More than the kernel keeps for a socket that is not read; no power of two repeats in it.
    let pattern = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    var bytes = ByteBuffer()
    for _ in 0..<200 { bytes.writeBytes(pattern) }
    let written: EventLoopFuture<Void> = client.channel.writeAndFlush(bytes)
    // Until the path stands still: the relay has stopped reading, so nothing moves any more.
    var last = try await relay.counters()
    var still = 0
    while still < 300 {
      let counters = try await relay.counters()
      still = counters == last && counters.heldBytes > 0 ? still + 1 : 0
      last = counters
    }
    #expect(last.heldBytes <= 2 << 20)
    #expect(last.bytesUp < UInt64(bytes.readableBytes))
    try await target.channel.setOption(.autoRead, value: true).get()
    try await written.get()
    let received = try await target.received(atLeast: bytes.readableBytes)
    #expect(ByteBuffer(bytes: received) == bytes)
    #expect(try await relay.counters().heldBytes == 0)
    await relay.stop()
  }

  @Test func `frees its port when it stops, and stops once`() async throws {
    let (relay, server, client, target) = try await connected()
    await relay.stop()
    await relay.stop()
    #expect(try await client.ending() == .reset)
    #expect(try await target.ending() == .reset)
    #expect(try await relay.counters().open == 0)
    let again = try await FaultRelay.start(
      listen: "127.0.0.1",
      port: relay.port,
      to: "127.0.0.1",
      port: server.port,
      on: group
    )
    #expect(again.port == relay.port)
    await again.stop()
  }

  @Test func `says where it cannot listen`() async throws {
    let (relay, server, _, _) = try await connected()
    await #expect(throws: FaultRelayError.self) {
      try await FaultRelay.start(
        listen: "127.0.0.1",
        port: relay.port,
        to: "127.0.0.1",
        port: server.port,
        on: group
      )
    }
    await relay.stop()
  }
}
