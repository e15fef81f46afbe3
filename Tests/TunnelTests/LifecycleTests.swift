import HawserTunnel
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `When a role stops` {
  @Test func `a stream finishes before the server is gone, and nobody new comes in`() async throws {
    let relayed = try await RelayedTunnel.start(server: { $0.drainTime = .seconds(60) })
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    async let stopped: Void = relayed.tunnel.server.stop()
    try await relayed.tunnel.eventually("stopping") { $0.isStopping && $0.entries.isEmpty }
    // The port is free now: somebody else on this machine may listen there already.
    _ = try? await Client.connect(to: relayed.tunnel.listen)
    #expect(await relayed.tunnel.server.status()?.counters.clients == 1)
    try await client.send([2])
    try await client.finish()
    let (bytes, end) = try await client.receiveAll()
    #expect(bytes == [1, 2] && end == .finished)
    await stopped
    try await relayed.stop()
  }

  @Test func `a stream outlives its link while the server stops`() async throws {
    let relayed = try await RelayedTunnel.start(server: { $0.drainTime = .seconds(60) })
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    async let stopped: Void = relayed.tunnel.server.stop()
    try await relayed.tunnel.eventually("stopping") { $0.isStopping }
    #expect(try await relayed.relay.cut() >= 1)
    try await client.send([2])
    try await client.finish()
    let (bytes, end) = try await client.receiveAll()
    #expect(bytes == [1, 2] && end == .finished)
    await stopped
    try await relayed.stop()
  }

  @Test(arguments: [true, false])
  func `hurrying resets who is left and says goodbye`(atServer: Bool) async throws {
    let relayed = try await RelayedTunnel.start(
      server: { $0.drainTime = .seconds(600) },
      provider: { $0.drainTime = .seconds(600) }
    )
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    if atServer {
      async let stopped: Void = relayed.tunnel.server.stop()
      try await relayed.tunnel.eventually("stopping") { $0.isStopping }
      await relayed.tunnel.server.hurry()
      await stopped
    } else {
      async let stopped: Void = relayed.provider.stop()
      try await relayed.tunnel.eventually("draining") { $0.entries.first?.usableBackends == 0 }
      await relayed.provider.hurry()
      await stopped
      try await relayed.tunnel.eventually("the goodbye") { $0.sessions.isEmpty }
    }
    #expect(try await client.receiveAll().1 == .reset)
    try await relayed.stop()
  }

  @Test func `a stream finishes before the provider is gone, and new clients wait`() async throws {
    let relayed = try await RelayedTunnel.start(provider: { $0.drainTime = .seconds(60) })
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    async let stopped: Void = relayed.provider.stop()
    try await relayed.tunnel.eventually("draining") { $0.entries.first?.usableBackends == 0 }
    let next = try await Client.connect(to: relayed.tunnel.listen)
    try await relayed.tunnel.eventually("parked") { $0.parked == 1 }
    try await client.send([2])
    try await client.finish()
    let (bytes, end) = try await client.receiveAll()
    #expect(bytes == [1, 2] && end == .finished)
    await stopped

    let successor = try relayed.tunnel.makeProvider(["127.0.0.1:\(relayed.target.port)"])
    _ = try await successor.start()
    try await next.send([3])
    try await next.finish()
    #expect(try await next.receiveAll().0 == [3])
    await successor.stop()
    try await relayed.stop()
  }

  @Test func `streams that take too long are reset`() async throws {
    let relayed = try await RelayedTunnel.start()
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    await relayed.tunnel.server.stop()
    #expect(try await client.receiveAll().1 == .reset)
    try await relayed.stop()
  }

  @Test func `a provider begins anew with a server that does not know its session`() async throws {
    let relayed = try await RelayedTunnel.start()
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([1])
    try await client.untilFirstByte()
    let restarted = try await relayed.tunnel.restarted()
    try await relayed.relay.retarget(to: "127.0.0.1", port: restarted.control)
    try await relayed.relay.cut()
    try await restarted.eventually("the provider") { $0.entries.first?.usableBackends == 1 }
    try await Tunnel.eventually("the old target connection to be closed") {
      try Sockets.connections(onPort: relayed.target.port) == 0
    }
    let next = try await Client.connect(to: restarted.listen)
    try await next.send([2])
    try await next.finish()
    #expect(try await next.receiveAll().0 == [2])
    await restarted.server.stop()
    try await relayed.stop()
  }
}

@Suite(.timeLimit(.minutes(10)))
struct `Limits` {
  @Test func `close the client that is too many, and count it`() async throws {
    let relayed = try await RelayedTunnel.start(server: { $0.clientLimits.server = 2 })
    let first = try await Client.connect(to: relayed.tunnel.listen)
    let second = try await Client.connect(to: relayed.tunnel.listen)
    for client in [first, second] {
      try await client.send([1])
      try await client.untilFirstByte()
    }
    #expect(await Client.isTurnedAway(at: relayed.tunnel.listen))
    #expect(await relayed.tunnel.server.status()?.counters.limitsReached == ["server": 1])
    try await first.finish()
    #expect(try await first.receiveAll().1 == .finished)
    try await relayed.tunnel.eventually("room") { $0.clients == 1 }
    let fourth = try await Client.connect(to: relayed.tunnel.listen)
    try await fourth.send([4])
    try await fourth.finish()
    #expect(try await fourth.receiveAll().0 == [4])
    try await relayed.stop()
  }

  @Test func `close the client for whom no provider has room`() async throws {
    let relayed = try await RelayedTunnel.start(server: { $0.clientLimits.provider = 1 })
    let first = try await Client.connect(to: relayed.tunnel.listen)
    try await first.send([1])
    try await first.untilFirstByte()
    #expect(await Client.isTurnedAway(at: relayed.tunnel.listen))
    #expect(await relayed.tunnel.server.status()?.counters.limitsReached == ["provider": 1])
    try await relayed.stop()
  }

  @Test func `leave clients in the kernel's queue when descriptors run out`() async throws {
    let limit = TunnelLimits.reservedDescriptors + 3  // The listener and two clients.
    let relayed = try await RelayedTunnel.start(server: { $0.descriptorLimit = limit })
    let first = try await Client.connect(to: relayed.tunnel.listen)
    let second = try await Client.connect(to: relayed.tunnel.listen)
    for client in [first, second] {
      try await client.send([1])
      try await client.untilFirstByte()
    }
    let third = try await Client.connect(to: relayed.tunnel.listen)
    try await third.send([3])
    try await third.finish()
    #expect(await relayed.tunnel.server.status()?.clients == 2)
    try await first.finish()
    try await second.finish()
    #expect(try await third.receiveAll().0 == [3])
    try await relayed.stop()
  }

  @Test func `keep a reader that stalls from taking more than its window`() async throws {
    let relayed = try await RelayedTunnel.start()
    let stalled = try await Client.connect(to: relayed.tunnel.listen, reads: false)
    let flood = Array(repeating: 1 as UInt8, count: 64 << 20)
    async let sent: Void = stalled.send(flood)
    try await Tunnel.eventually("the flood to be held back") {
      let before = await relayed.tunnel.server.status()?.sessions.first?.bytesOut
      for _ in 0..<20 { _ = await relayed.tunnel.server.status() }
      let after = await relayed.tunnel.server.status()
      return before == after?.sessions.first?.bytesOut && after?.sessions.first?.bytesIn ?? 0 > 0
    }
    let status = try #require(await relayed.tunnel.server.status())
    #expect(status.retainedBytes <= 17 << 20)
    #expect(status.sessions.map(\.unreadBytes).reduce(0, +) <= 17 << 20)

    let other = try await Client.connect(to: relayed.tunnel.listen)
    try await other.send([5])
    try await other.finish()
    #expect(try await other.receiveAll().0 == [5])
    try await stalled.close()
    _ = try? await sent
    try await relayed.stop()
  }
}
