import NIOCore
import NIOPosix
import Testing

/// One end of a TCP connection that records what it hears.
struct Peer: Sendable {
  let channel: any Channel
  private let recorder: NIOLoopBound<Recorder>

  enum Ending: Sendable, Equatable {
    case finished
    case reset
  }

  static func dial(port: Int, on group: any EventLoopGroup) async throws -> Peer {
    let channel = try await ClientBootstrap(group: group)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelInitializer(Self.prepare)
      .connect(host: "127.0.0.1", port: port).get()
    return try await Peer(on: channel)
  }

  /// Adds the recorder to a channel's pipeline.
  @Sendable static func prepare(_ channel: any Channel) -> EventLoopFuture<Void> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(Recorder())
    }
  }

  init(on channel: any Channel) async throws {
    self.channel = channel
    recorder = try await channel.eventLoop.submit {
      let recorder = try channel.pipeline.syncOperations.handler(type: Recorder.self)
      return NIOLoopBound(recorder, eventLoop: channel.eventLoop)
    }.get()
  }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  func finish() async throws {
    try await channel.close(mode: .output)
  }

  /// Closes so that the other end gets RST.
  func reset() async throws {
    let channel = channel
    try await channel.eventLoop.submit {
      _ = (channel as? any SocketOptionProvider)?
        .setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }.get()
    try await channel.close()
  }

  /// All bytes so far, once there are at least `count`.
  func received(atLeast count: Int) async throws -> [UInt8] {
    try await whenever { $0.bytes.count >= count ? $0.bytes : nil }
  }

  /// How the other end stopped sending, once it did.
  func ending() async throws -> Ending {
    try await whenever(\.ending)
  }

  private func whenever<Value: Sendable>(
    _ condition: @escaping @Sendable (Recorder) -> Value?
  ) async throws -> Value {
    let recorder = recorder
    return try await channel.eventLoop.flatSubmit {
      let promise = recorder.eventLoop.makePromise(of: Value.self)
      recorder.value.wait { recorder in
        guard let value = condition(recorder) else { return false }
        promise.succeed(value)
        return true
      }
      return promise.futureResult
    }.get()
  }
}

/// Confined to its channel's loop.
private final class Recorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private(set) var bytes: [UInt8] = []
  private(set) var ending: Peer.Ending?
  private var waiting: [(Recorder) -> Bool] = []

  func wait(_ isDone: @escaping (Recorder) -> Bool) {
    if !isDone(self) { waiting.append(isDone) }
  }

  private func changed() {
    waiting.removeAll { $0(self) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes += unwrapInboundIn(data).readableBytesView
    changed()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event as? ChannelEvent == .inputClosed else { return }
    if ending == nil { ending = .finished }
    changed()
  }

  func channelInactive(context: ChannelHandlerContext) {
    // A clean end is not told as such when this side has finished before.
    if ending == nil { ending = .finished }
    changed()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if ending == nil { ending = .reset }
    changed()
    context.close(promise: nil)
  }
}

/// A listener that hands out its connections in the order of their arrival.
struct TargetServer: Sendable {
  let channel: any Channel
  let port: Int
  private let accepted: AsyncStream<any Channel>

  static func start(
    on group: any EventLoopGroup,
    autoRead: Bool = true
  ) async throws -> TargetServer {
    let (stream, continuation) = AsyncStream.makeStream(of: (any Channel).self)
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.autoRead, value: autoRead)
      .childChannelInitializer { channel in
        Peer.prepare(channel).map { continuation.yield(channel) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return TargetServer(
      channel: channel,
      port: try #require(channel.localAddress?.port),
      accepted: stream
    )
  }

  func accept() async throws -> Peer {
    var iterator = accepted.makeAsyncIterator()
    return try await Peer(on: try #require(await iterator.next()))
  }
}
