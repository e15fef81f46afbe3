import HawserFaultRelay
import HawserPrimitives
import HawserTunnel
import Testing

/// A tunnel with a relay between provider and server, and an echo target.
struct RelayedTunnel {
  let tunnel: Tunnel
  let relay: FaultRelay
  let target: Target
  let provider: Provider

  static func start(
    seed: UInt64 = 1,
    server: (inout ServerConfiguration) -> Void = { _ in },
    provider configure: (inout ProviderConfiguration) -> Void = { _ in }
  ) async throws -> RelayedTunnel {
    let tunnel = try await Tunnel.start(configure: server)
    let relay = try await FaultRelay.start(
      listen: "127.0.0.1",
      port: 0,
      to: "127.0.0.1",
      port: tunnel.control,
      on: Tunnel.group
    )
    let target = try await Target.echo()
    let provider = try tunnel.makeProvider(
      ["127.0.0.1:\(target.port)"],
      through: relay.port,
      seed: seed,
      configure: configure
    )
    _ = try await provider.start()
    return RelayedTunnel(tunnel: tunnel, relay: relay, target: target, provider: provider)
  }

  func stop() async throws {
    await provider.stop()
    await tunnel.server.stop()
    await relay.stop()
    try await target.channel.close()
  }
}

@Suite(.timeLimit(.minutes(10)))
struct `When the link is lost` {
  @Test(arguments: [UInt64.random(in: 0 ... .max)])
  func `8 MiB each way survive 20 resets on one connection`(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let relayed = try await RelayedTunnel.start(seed: seed)
    try await relayed.relay.throttle(bytesPerSecond: 12 << 20)
    let bytes = Array(repeating: 0 as UInt8, count: 8 << 20).map { _ in
      UInt8.random(in: .min ... .max, using: &random)
    }

    let client = try await Client.connect(to: relayed.tunnel.listen)
    async let received = client.receiveAll()
    async let sent: Void = client.send(bytes)
    var passed: UInt64 = 0
    for cut in 1...20 {
      passed += UInt64.random(in: 50_000...500_000, using: &random)
      try await Tunnel.eventually("\(passed) bytes to pass, seed \(seed)") {
        let counters = try await relayed.relay.counters()
        return counters.bytesUp + counters.bytesDown >= passed
      }
      passed = try await relayed.relay.counters().bytesUp + relayed.relay.counters().bytesDown
      #expect(try await relayed.relay.cut() >= 1)
      try await relayed.tunnel.eventually("resumption \(cut), seed \(seed)") {
        $0.counters.sessionsResumed >= UInt64(cut)
      }
    }
    try await sent
    try await client.finish()
    let (echoed, end) = try await received
    #expect(end == .finished, "seed \(seed)")
    #expect(echoed == bytes, "seed \(seed)")
    #expect(await relayed.tunnel.server.status()?.counters.sessionsBegun == 1)
    try await relayed.stop()
  }

  @Test func `a new client waits for the link and is then served`() async throws {
    let relayed = try await RelayedTunnel.start()
    try await relayed.relay.refuse(true)
    try await relayed.relay.cut()
    try await relayed.tunnel.eventually("grace") { $0.sessions.first?.state == .grace }

    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send(Array("still there?".utf8))
    try await client.finish()
    try await relayed.tunnel.eventually("parked") { $0.parked == 1 }
    try await relayed.relay.refuse(false)
    let (bytes, _) = try await client.receiveAll()
    #expect(String(decoding: bytes, as: UTF8.self) == "still there?")
    try await relayed.stop()
  }

  @Test func `streams are reset on both sides and everything is freed when grace ends`()
    async throws
  {
    let relayed = try await RelayedTunnel.start { $0.grace = .milliseconds(500) }
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    #expect(try Sockets.connections(onPort: relayed.target.port) > 0)

    try await relayed.relay.refuse(true)
    try await relayed.relay.cut()
    let (_, end) = try await client.receiveAll()
    #expect(end == .reset)
    try await relayed.tunnel.eventually("everything to be freed") {
      $0.sessions.isEmpty && $0.clients == 0 && $0.retainedBytes == 0 && $0.receiveBytes == 0
    }
    try await Tunnel.eventually("the sockets to be closed") {
      try Sockets.connections(onPort: relayed.target.port) == 0
        && Sockets.connections(onPort: relayed.tunnel.listen) == 0
    }
    #expect(await relayed.provider.status()?.session == nil)

    // The provider begins anew as soon as it can.
    try await relayed.relay.refuse(false)
    let next = try await Client.connect(to: relayed.tunnel.listen)
    try await next.send([2])
    try await next.finish()
    #expect(try await next.receiveAll().0 == [2])
    try await relayed.stop()
  }

  @Test func `a silent path is left for another one`() async throws {
    let relayed = try await RelayedTunnel.start()
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    let second = try await FaultRelay.start(
      listen: "127.0.0.1",
      port: 0,
      to: "127.0.0.1",
      port: relayed.tunnel.control,
      on: Tunnel.group
    )
    try await relayed.relay.silence(true)
    try await client.send([2])
    try await client.finish()
    try await relayed.tunnel.eventually("suspicion") { $0.sessions.first?.state != .attached }
    try await relayed.relay.silence(false)
    #expect(try await client.receiveAll().0 == [1, 2])
    await second.stop()
    try await relayed.stop()
  }

  @Test(arguments: [false, true])
  func `a provider resumes while 300 strangers fill the control port`(
    fromManyAddresses: Bool
  ) async throws {
    let relayed = try await RelayedTunnel.start()
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    try await relayed.relay.refuse(true)
    let strangers = Strangers(
      port: relayed.tunnel.control,
      addresses: fromManyAddresses ? 300 : 1
    )
    try await strangers.come(300)
    try await Tunnel.eventually("one to give way") {
      try await strangers.come(30)
      let limits = await relayed.tunnel.server.status()?.counters.limitsReached
      return (limits?["handshakes"] ?? 0) > 0
    }
    try await relayed.relay.cut()
    try await relayed.relay.refuse(false)
    // New ones come all the time, so that every place that gets free is taken at once.
    try await Tunnel.eventually("resumption") {
      try await strangers.come(5)
      return await relayed.tunnel.server.status()?.counters.sessionsResumed ?? 0 > 0
    }
    try await client.send([2])
    try await client.finish()
    #expect(try await client.receiveAll().0 == [1, 2])
    await strangers.leave()
    try await relayed.stop()
  }
}
