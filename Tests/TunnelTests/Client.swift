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

/// Connections that say nothing.
actor Strangers {
  private let port: Int
  private let addresses: Int
  private var channels: [any Channel] = []

  /// - Parameters:
  ///   - port: Where they connect to, on the loopback.
  ///   - addresses: From how many of its addresses they do, in turn.
  init(port: Int, addresses: Int) {
    self.port = port
    self.addresses = addresses
  }

  /// Connects so many more of them, all at once.
  func come(_ count: Int) async throws {
    let connecting = try (0..<count).map { offset in
      let index = (channels.count + offset) % addresses
      let source = "127.0.\(2 + index / 100).\(1 + index % 100)"
      return ClientBootstrap(group: Tunnel.group)
        .bind(to: try SocketAddress(ipAddress: source, port: 0))
        .connect(host: "127.0.0.1", port: port)
    }
    for future in connecting { channels.append(try await future.get()) }
  }

  func leave() async {
    for channel in channels { try? await channel.close() }
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
