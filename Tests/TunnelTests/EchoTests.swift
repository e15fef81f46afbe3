import Testing

@Suite(.timeLimit(.minutes(10)))
struct `Through server and provider` {
  @Test func `a client's bytes come back from the target`() async throws {
    let relayed = try await RelayedTunnel.start()
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send(Array("hello".utf8))
    try await client.finish()
    let (bytes, end) = try await client.receiveAll()
    #expect(String(decoding: bytes, as: UTF8.self) == "hello")
    #expect(end == .finished)
    try await relayed.stop()
  }

  @Test func `each of 1000 parallel clients gets its own bytes`() async throws {
    let relayed = try await RelayedTunnel.start()
    let port = relayed.tunnel.listen
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<1000 {
        group.addTask {
          let own = (0..<64).flatMap { _ in Array("client \(number) ".utf8) }
          let client = try await Client.connect(to: port)
          try await client.send(own)
          try await client.finish()
          return try await client.receiveAll().0 == own
        }
      }
      for try await isOwn in group { #expect(isOwn) }
    }
    try await relayed.tunnel.eventually("every client to be gone") { $0.clients == 0 }
    try await relayed.stop()
  }

  @Test func `a target's end reaches the client, whose own direction goes on`() async throws {
    let tunnel = try await Tunnel.start()
    let target = try await GreetingTarget.start(greeting: Array("welcome".utf8))
    let provider = try tunnel.makeProvider(["127.0.0.1:\(target.port)"])
    _ = try await provider.start()

    let client = try await Client.connect(to: tunnel.listen)
    let (bytes, end) = try await client.receiveAll()
    #expect(String(decoding: bytes, as: UTF8.self) == "welcome")
    #expect(end == .finished)
    try await client.send(Array("after the end".utf8))
    try await client.finish()
    let received = try await target.received()
    #expect(String(decoding: received, as: UTF8.self) == "after the end")
    await provider.stop()
    await tunnel.server.stop()
    try await target.channel.close()
  }

  @Test func `clients that close without a byte disturb nobody`() async throws {
    let relayed = try await RelayedTunnel.start()
    for _ in 0..<50 {
      try await Client.connect(to: relayed.tunnel.listen).close()
    }
    let client = try await Client.connect(to: relayed.tunnel.listen)
    try await client.send([7])
    try await client.finish()
    #expect(try await client.receiveAll().0 == [7])
    try await relayed.tunnel.eventually("every client to be gone") { $0.clients == 0 }
    try await relayed.stop()
  }

  @Test func `a client is served that came before any provider`() async throws {
    let tunnel = try await Tunnel.start()
    let client = try await Client.connect(to: tunnel.listen)
    try await client.send([9])
    try await client.finish()
    try await tunnel.eventually("parked") { $0.parked == 1 }
    let target = try await Target.echo()
    let provider = try tunnel.makeProvider(["127.0.0.1:\(target.port)"])
    _ = try await provider.start()
    #expect(try await client.receiveAll().0 == [9])
    await provider.stop()
    await tunnel.server.stop()
  }

  @Test func `a client that waits too long is turned away`() async throws {
    let tunnel = try await Tunnel.start { $0.parkingPatience = .milliseconds(50) }
    #expect(await Client.isTurnedAway(at: tunnel.listen))
    #expect(await tunnel.server.status()?.counters.parkedTooLong == 1)
    await tunnel.server.stop()
  }

  @Test func `a target on a Unix socket is reached`() async throws {
    let tunnel = try await Tunnel.start()
    let path = "/tmp/hawser-test-\(UInt64.random(in: 0 ... .max)).sock"
    let target = try await Target.echo(onUnixSocket: path)
    let provider = try tunnel.makeProvider(["0=unix:\(path)"])
    let services = try await provider.start()
    let port = try #require(services.first?.port)
    let client = try await Client.connect(to: Int(port))
    try await client.send([1, 2, 3])
    try await client.finish()
    #expect(try await client.receiveAll().0 == [1, 2, 3])
    await provider.stop()
    await tunnel.server.stop()
    try await target.channel.close()
  }
}
