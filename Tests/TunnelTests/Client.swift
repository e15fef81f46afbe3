import NIOCore
import NIOPosix

/// A client of an entry: sends, half-closes, and collects what comes.
struct Client {
  /// How a connection ended, as a client sees it.
  enum End: Sendable, Equatable {
    case finished
    case reset
  }

  private let channel: any Channel
  private let collected: EventLoopFuture<(ByteBuffer, End)>
  private let firstByte: EventLoopFuture<Void>

  /// Connects; `reads`: whether what comes is taken from the socket.
  static func connect(to port: Int, reads: Bool = true) async throws -> Client {
    let loop = Tunnel.group.next()
    let collected = loop.makePromise(of: (ByteBuffer, End).self)
    let firstByte = loop.makePromise(of: Void.self)
    let connecting = ClientBootstrap(group: loop)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.autoRead, value: reads)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            Collector(collected: collected, firstByte: firstByte)
          )
        }
      }
      .connect(host: "127.0.0.1", port: port)
    connecting.whenFailure { error in
      collected.fail(error)
      firstByte.fail(error)
    }
    return Client(
      channel: try await connecting.get(),
      collected: collected.futureResult,
      firstByte: firstByte.futureResult
    )
  }

  /// Whether a new client is reset before it gets a byte, be it while it still connects.
  static func isTurnedAway(at port: Int) async -> Bool {
    do {
      let (bytes, end) = try await connect(to: port).receiveAll()
      return bytes.isEmpty && end == .reset
    } catch {
      return true
    }
  }

  /// Connects from an address of the loopback, and says nothing.
  static func stranger(at port: Int, from source: String) async throws -> any Channel {
    try await ClientBootstrap(group: Tunnel.group)
      .bind(to: SocketAddress(ipAddress: source, port: 0))
      .connect(host: "127.0.0.1", port: port)
      .get()
  }

  func send(_ bytes: [UInt8]) async throws {
    try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
  }

  /// `shutdown(SHUT_WR)`.
  func finish() async throws {
    try await channel.close(mode: .output)
  }

  func close() async throws {
    try await channel.close()
  }

  /// Done when something has come.
  func untilFirstByte() async throws {
    try await firstByte.get()
  }

  /// Everything until the server's end, and how that was.
  func receiveAll() async throws -> ([UInt8], End) {
    let (bytes, end) = try await collected.get()
    return (Array(bytes.readableBytesView), end)
  }
}

private final class Collector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let collected: EventLoopPromise<(ByteBuffer, Client.End)>
  private let firstByte: EventLoopPromise<Void>
  private var bytes = ByteBuffer()
  private var end = Client.End.finished
  private var isOver = false

  init(
    collected: EventLoopPromise<(ByteBuffer, Client.End)>,
    firstByte: EventLoopPromise<Void>
  ) {
    self.collected = collected
    self.firstByte = firstByte
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var data = unwrapInboundIn(data)
    bytes.writeBuffer(&data)
    firstByte.succeed()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { finish() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end = .reset
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    finish()
  }

  private func finish() {
    guard !isOver else { return }
    isOver = true
    collected.succeed((bytes, end))
    firstByte.fail(ChannelError.eof)
  }
}
