import HawserPrimitives
import HawserTunnel
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `The choice of a transport` {
  @Test(arguments: [TransportChoice.tcp, .kcp, .auto])
  func `bytes come back over each`(choice: TransportChoice) async throws {
    let tunnel = try await Tunnel.start()
    let target = try await Target.echo()
    let provider = try tunnel.makeProvider(["127.0.0.1:\(target.port)"]) { $0.transport = choice }
    _ = try await provider.start()
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let client = try await Client.connect(to: tunnel.listen)
    async let received = client.receiveAll()
    try await client.send(bytes)
    try await client.finish()
    let (echo, end) = try await received
    #expect(echo == bytes && end == .finished)
    let used = await tunnel.server.status()?.sessions.first?.links.first?.transport
    if choice != .auto { #expect(used == (choice == .tcp ? "tcp" : "kcp")) }
    await provider.stop()
    await tunnel.server.stop()
  }

  @Test func `auto takes TCP where nothing answers over UDP`() async throws {
    let tunnel = try await Tunnel.start { $0.offersKCP = false }
    let target = try await Target.echo()
    let provider = try tunnel.makeProvider(["127.0.0.1:\(target.port)"]) { $0.transport = .auto }
    _ = try await provider.start()
    #expect(await tunnel.server.status()?.sessions.first?.links.first?.transport == "tcp")
    await provider.stop()
    await tunnel.server.stop()
  }
}
