import HawserFaultRelay
import HawserTunnel
import NIOCore
import Testing

/// More providers than one address may have handshakes at a time: a site behind one NAT.
@Suite(.timeLimit(.minutes(10)))
struct `200 providers behind one address` {
  @Test func `serve each its own clients, and all come back after a cut`() async throws {
    let started = ContinuousClock.now
    let count = 200
    let tunnel = try await Tunnel.start()
    let relay = try await FaultRelay.start(
      listen: "127.0.0.1",
      port: 0,
      to: "127.0.0.1",
      port: tunnel.control,
      on: Tunnel.group
    )
    var targets: [Target] = []
    var providers: [Provider] = []
    for number in 0..<count {
      let target = try await Target.start { Signature("provider \(number)") }
      targets.append(target)
      providers.append(
        try tunnel.makeProvider(
          ["0=127.0.0.1:\(target.port)"],
          through: relay.port,
          seed: UInt64(number)
        )
      )
    }

    let ports = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
      for (number, provider) in providers.enumerated() {
        group.addTask { (number, Int(try await provider.start().first?.port ?? 0)) }
      }
      return try await group.reduce(into: [Int: Int]()) { $0[$1.0] = $1.1 }
    }
    let joined = ContinuousClock.now
    print("200 providers joined after \(joined - started)")
    let before = try #require(await tunnel.server.status())
    #expect(before.sessions.count == count)
    #expect(before.entries.count == count + 1)
    try await expectSignatures(at: ports)

    #expect(try await relay.cut() == count)
    let cut = ContinuousClock.now
    try await tunnel.eventually("every provider to be back", within: .seconds(150)) {
      $0.sessions.count == count && $0.sessions.allSatisfy { $0.state == .attached }
        && $0.counters.sessionsResumed >= UInt64(count)
    }
    print("back \(ContinuousClock.now - cut) after the cut")
    try await expectSignatures(at: ports)
    let after = try #require(await tunnel.server.status())
    #expect(after.counters.sessionsBegun == UInt64(count), "nobody had to start anew")
    print("handshakes refused: \(after.counters.handshakesRefused)")

    await withTaskGroup { group in
      for provider in providers { group.addTask { await provider.stop() } }
    }
    await tunnel.server.stop()
    await relay.stop()
    for target in targets { try await target.channel.close() }
  }

  private func expectSignatures(at ports: [Int: Int]) async throws {
    for (number, port) in ports {
      let (bytes, end) = try await Client.connect(to: port).receiveAll()
      #expect(String(decoding: bytes, as: UTF8.self) == "provider \(number)")
      #expect(end == .finished)
    }
  }
}

/// Says who it is and hangs up.
private final class Signature: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let text: String

  init(_ text: String) { self.text = text }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in
      channel.close(promise: nil)
    }
  }
}
