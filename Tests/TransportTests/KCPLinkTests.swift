import HawserCryptography
import HawserPrimitives
import HawserTransport
import NIOCore
import NIOPosix
import Testing

/// A listener for links over KCP and what dials it, on one loop, on a free port of the loopback.
private final class DatagramBench: Sendable {
  static let identity = ServerIdentity.generate()

  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let loop: any EventLoop
  let port: Int
  private let state: NIOLoopBound<State>

  final class State {
    var listener: KCPListener?
    var dialler: KCPDialler?
    var accepted: [RecordingUser] = []
  }

  private init() async throws {
    let loop = group.next()
    self.loop = loop
    let state = try await loop.submit { NIOLoopBound(State(), eventLoop: loop) }.get()
    self.state = state
    port = try await loop.flatSubmit {
      let listener = KCPListener(on: loop, identity: Self.identity) { link in
        let user = RecordingUser(on: loop)
        user.link = link
        state.value.accepted.append(user)
        return user
      }
      state.value.listener = listener
      state.value.dialler = KCPDialler(on: loop)
      return listener.bind(host: "127.0.0.1", port: 0).map { $0.port ?? 0 }
    }.get()
  }

  static func with(_ body: (DatagramBench) async throws -> Void) async throws {
    let bench = try await DatagramBench()
    do {
      try await body(bench)
    } catch {
      try await bench.group.shutdownGracefully()
      throw error
    }
    try await bench.group.shutdownGracefully()
  }

  func dial(
    key: JoinKey = identity.joinKey,
    timeout: Duration = .seconds(10)
  ) async throws -> Peer {
    let (loop, port, state) = (loop, port, state)
    return try await loop.submit {
      let user = RecordingUser(on: loop)
      user.link = state.value.dialler?.dial(
        host: "127.0.0.1",
        port: port,
        key: key,
        timeout: timeout,
        user: user
      )
      return Peer(user, on: loop)
    }.get()
  }

  /// The first link that was accepted: there as soon as its dialler has said something.
  func accepted() async throws -> Peer {
    let (loop, state) = (loop, state)
    while true {
      let user = try await loop.submit { state.value.accepted.first.map { Peer($0, on: loop) } }
        .get()
      if let user { return user }
      try await loop.scheduleTask(in: .milliseconds(2)) {}.futureResult.get()
    }
  }
}

@Suite(.timeLimit(.minutes(10)))
struct `A link over KCP` {
  @Test func `carries records both ways and reports each once`() async throws {
    try await DatagramBench.with { bench in
      let client = try await bench.dial()
      let records = (0..<500).map { number in
        ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: 1 + number * 2)
      }
      try await client.run { $0.send(records) }
      let server = try await bench.accepted()
      try await server.run { $0.send(records) }
      for peer in [client, server] {
        try await peer.wait { $0.received.count >= 500 && $0.delivered.count >= 500 }
        let (received, delivered) = try await peer.run { ($0.received, $0.delivered) }
        #expect(received.first == records.first, "the first one comes first")
        #expect(received.count == 500 && Set(received) == Set(records))
        #expect(Set(delivered).count == 500 && delivered.count == 500)
      }
      let bindings = try await (
        client.run { $0.link?.binding }, server.run { $0.link?.binding }
      )
      #expect(bindings.0 == bindings.1 && bindings.0?.count == 32)
      #expect(try await client.run { $0.link?.transport } == .kcp)
    }
  }

  @Test func `delivers what was pulled before it closes, and says that it does`() async throws {
    try await DatagramBench.with { bench in
      let client = try await bench.dial()
      try await client.wait { $0.isReady }
      let last = ByteBuffer(string: "the last word")
      try await client.run {
        $0.send([last])
        $0.link?.close()
      }
      let server = try await bench.accepted()
      #expect(try await server.closing() == .closedByPeer)
      #expect(try await server.run { $0.received } == [last])
      #expect(try await client.closing() == .closedHere)
    }
  }

  @Test func `is not made with a server of another key, or without its knock secret`() async throws
  {
    try await DatagramBench.with { bench in
      let client = try await bench.dial(
        key: ServerIdentity.generate().joinKey,
        timeout: .milliseconds(300)
      )
      let reason = try await client.closing()
      #expect(reason != nil && reason != .closedHere)
      #expect(try await client.run { $0.isReady } == false)
    }
  }

  @Test func `goes on through another socket when the network has changed`() async throws {
    try await DatagramBench.with { bench in
      let client = try await bench.dial()
      try await client.run { $0.send([ByteBuffer(string: "one")]) }
      let server = try await bench.accepted()
      try await server.wait { $0.received.count == 1 }
      let before = try await server.run { $0.link?.peerAddress }
      try await client.run { $0.link?.probe() }
      try await client.run { $0.send([ByteBuffer(string: "two")]) }
      try await server.wait { $0.received.count == 2 && $0.link?.peerAddress != before }
      try await server.run { $0.send([ByteBuffer(string: "three")]) }
      try await client.wait { $0.received.count == 1 }
      let closings = try await server.run { $0.closings }
      #expect(closings.isEmpty)
    }
  }

  @Test func `grows its records when the path carries larger datagrams`() async throws {
    try await DatagramBench.with { bench in
      let client = try await bench.dial()
      try await client.run { $0.send([ByteBuffer(string: "one")]) }
      try await client.wait { ($0.recordSizes.last ?? 0) > 1200 }
      let size = try await client.run { $0.link?.maximumRecordSize ?? 0 }
      try await client.run { $0.send([ByteBuffer(repeating: 7, count: size)]) }
      let server = try await bench.accepted()
      try await server.wait { $0.received.count == 2 }
      #expect(try await server.run { $0.received.last?.readableBytes } == size)
    }
  }
}
