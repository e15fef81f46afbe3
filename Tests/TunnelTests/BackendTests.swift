import HawserFaultRelay
import HawserPrimitives
import HawserTunnel
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `Several providers` {
  @Test func `a client is given to another one when a target refuses`() async throws {
    let tunnel = try await Tunnel.start()
    let target = try await Target.echo()
    let broken = try tunnel.makeProvider(["127.0.0.1:\(Target.refusingPort)"])
    let good = try tunnel.makeProvider(["127.0.0.1:\(target.port)"])
    _ = try await broken.start()
    _ = try await good.start()
    for number in 0..<20 as Range<UInt8> {
      let bytes = Array(repeating: number, count: number % 2 == 0 ? 1 : 300_000)
      let client = try await Client.connect(to: tunnel.listen)
      async let received = client.receiveAll()
      try await client.send(bytes)
      try await client.finish()
      #expect(try await received.0 == bytes)
    }
    let refused = await tunnel.server.status()?.counters.refusedByBackend ?? 0
    #expect(refused > 0)
    await broken.stop()
    await good.stop()
    await tunnel.server.stop()
  }

  @Test func `a client is reset when the only target refuses`() async throws {
    let tunnel = try await Tunnel.start()
    let provider = try tunnel.makeProvider(["127.0.0.1:\(Target.refusingPort)"])
    _ = try await provider.start()
    #expect(await Client.isTurnedAway(at: tunnel.listen))
    await provider.stop()
    await tunnel.server.stop()
  }

  @Test func `a restarted one ends the old streams at once and serves new clients`() async throws {
    var random = SystemRandomNumberGenerator()
    let id = RandomID(using: &random)
    let tunnel = try await Tunnel.start()
    let target = try await Target.echo()
    let first = try tunnel.makeProvider(["127.0.0.1:\(target.port)"], client: id)
    _ = try await first.start()
    let old = try await Client.connect(to: tunnel.listen)
    try await old.send([1])
    try await old.untilFirstByte()

    let second = try tunnel.makeProvider(["127.0.0.1:\(target.port)"], client: id)
    _ = try await second.start()
    #expect(try await old.receiveAll().1 == .reset)
    await #expect(throws: TunnelError.replaced) { try await first.run() }
    let new = try await Client.connect(to: tunnel.listen)
    try await new.send([2])
    try await new.finish()
    #expect(try await new.receiveAll().0 == [2])
    await second.stop()
    await tunnel.server.stop()
  }

  @Test func `a port belongs to the user who claimed it, and is free when he leaves`() async throws
  {
    let tunnel = try await Tunnel.start()
    let target = try await Target.echo()
    let first = try tunnel.makeProvider(["0=127.0.0.1:\(target.port)"])
    let port = try #require(try await first.start().first?.port)
    let stranger = try await tunnel.store.makeToken(user: "bob")
    let second = try tunnel.makeProvider(
      ["\(port)=127.0.0.1:\(target.port)"],
      token: stranger
    )
    async let registered = second.start()
    try await tunnel.eventually("the second provider") { $0.sessions.count == 2 }
    await first.stop()
    try await tunnel.eventually("the port to be bob's") { status in
      status.entries.contains { $0.port == port && $0.owner == "bob" }
    }
    #expect(try await registered.first?.port == port)
    await second.stop()
    try await tunnel.eventually("the port to be closed") { status in
      !status.entries.contains { $0.port == port }
    }
    await tunnel.server.stop()
  }
}

@Suite(.timeLimit(.minutes(10)))
struct `Claims` {
  @Test func `the listen entry stays its user's while he is away`() async throws {
    let tunnel = try await Tunnel.start {
      $0.grace = .milliseconds(50)
      $0.unclaimedEntryPatience = .zero
    }
    let target = try await Target.echo()
    let relay = try await FaultRelay.start(
      listen: "127.0.0.1",
      port: 0,
      to: "127.0.0.1",
      port: tunnel.control,
      on: Tunnel.group
    )
    let first = try tunnel.makeProvider(["127.0.0.1:\(target.port)"], through: relay.port)
    _ = try await first.start()
    try await relay.refuse(true)
    _ = try await relay.cut()
    try await tunnel.eventually("the session to end") { $0.sessions.isEmpty }

    let stranger = try await tunnel.store.makeToken(user: "bob")
    let refusing = "127.0.0.1:\(Target.refusingPort)"
    let second = try tunnel.makeProvider([refusing, "0=\(refusing)"], token: stranger)
    async let registered = second.start()
    try await tunnel.eventually("bob's port") { $0.entries.contains { $0.owner == "bob" } }
    #expect(await tunnel.server.status()?.entries.first?.owner == "ada")

    try await relay.refuse(false)
    try await tunnel.eventually("ada's session") { $0.sessions.count == 2 }
    let client = try await Client.connect(to: tunnel.listen)
    try await client.send([7])
    try await client.finish()
    #expect(try await client.receiveAll().0 == [7])
    await first.stop()
    #expect(try await registered.count == 2, "an entry that its owner gave back is free")
    await second.stop()
    await relay.stop()
    await tunnel.server.stop()
  }

  @Test func `a service that is refused leaves the others alone`() async throws {
    let tunnel = try await Tunnel.start()
    let target = try await Target.echo()
    let provider = try tunnel.makeProvider([
      "80=127.0.0.1:\(target.port)", "127.0.0.1:\(target.port)",
    ])
    let services = try await provider.start()
    #expect(services.count == 1)
    let client = try await Client.connect(to: tunnel.listen)
    try await client.send([7])
    try await client.finish()
    #expect(try await client.receiveAll().0 == [7])
    await provider.stop()
    await tunnel.server.stop()
  }
}

@Suite(.timeLimit(.minutes(10)))
struct `A provider that is not let in` {
  @Test func `ends when the token is wrong`() async throws {
    let tunnel = try await Tunnel.start()
    let other = try await MemoryStore().makeToken(user: "eve")
    let provider = try tunnel.makeProvider(["9"], token: other)
    let error = await #expect(throws: TunnelError.self) { try await provider.start() }
    guard case .credentialsRefused = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    await tunnel.server.stop()
  }

  @Test func `ends when the server has another key`() async throws {
    let tunnel = try await Tunnel.start()
    let other = try await Tunnel.start()
    let provider = try other.makeProvider(["9"], through: tunnel.control)
    let error = await #expect(throws: TunnelError.self) { try await provider.start() }
    guard case .wrongServer = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    await tunnel.server.stop()
    await other.server.stop()
  }

  @Test func `ends when its token is revoked by another process`() async throws {
    let tunnel = try await Tunnel.start()
    let provider = try tunnel.makeProvider(["9"])
    _ = try await provider.start()
    _ = await tunnel.store.revokeNow(tunnel.token.id)
    let error = await #expect(throws: TunnelError.self) { try await provider.run() }
    guard case .credentialsRefused = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    try await tunnel.eventually("no session") { $0.sessions.isEmpty }
    await tunnel.server.stop()
  }

  @Test func `ends at once when the server revokes its token`() async throws {
    let tunnel = try await Tunnel.start()
    let provider = try tunnel.makeProvider(["9"])
    _ = try await provider.start()
    #expect(await tunnel.server.revoke(tunnel.token.id) == 1)
    await #expect(throws: TunnelError.self) { try await provider.run() }
    await tunnel.server.stop()
  }
}
