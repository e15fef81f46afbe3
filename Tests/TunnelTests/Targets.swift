import NIOCore
import NIOPosix

/// A listening socket on loopback whose connections are given to a closure.
struct Target {
  let port: Int
  let channel: any Channel

  /// Sends everything back, each half by itself.
  static func echo() async throws -> Target {
    try await start { EchoHandler() }
  }

  static func echo(onUnixSocket path: String) async throws -> Target {
    let channel = try await bootstrap { EchoHandler() }.bind(unixDomainSocketPath: path).get()
    return Target(port: 0, channel: channel)
  }

  /// A port on which nobody listens: tcpmux's. One that was free a moment ago may be somebody's.
  static let refusingPort = 1

  static func start(
    _ handler: @escaping @Sendable () -> any ChannelHandler
  ) async throws -> Target {
    let channel = try await bootstrap(handler).bind(host: "127.0.0.1", port: 0).get()
    return Target(port: channel.localAddress?.port ?? 0, channel: channel)
  }

  private static func bootstrap(
    _ handler: @escaping @Sendable () -> any ChannelHandler
  ) -> ServerBootstrap {
    ServerBootstrap(group: Tunnel.group)
      .serverChannelOption(.backlog, value: 4096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler())
        }
      }
  }
}

/// Echo with back-pressure: reads only while it can write.
private final class EchoHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private var mustRead = false

  func read(context: ChannelHandlerContext) {
    guard context.channel.isWritable else {
      mustRead = true
      return
    }
    context.read()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard mustRead, context.channel.isWritable else { return }
    mustRead = false
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.write(data, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.flush()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else { return }
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
      channel.close(mode: .output, promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

/// Sends a greeting and FIN at once, and keeps what its first client sends.
struct GreetingTarget {
  let port: Int
  let channel: any Channel
  private let collected: EventLoopFuture<ByteBuffer>

  static func start(greeting: [UInt8]) async throws -> GreetingTarget {
    let collected = Tunnel.group.next().makePromise(of: ByteBuffer.self)
    let target = try await Target.start { GreetingHandler(greeting, collected) }
    return GreetingTarget(
      port: target.port,
      channel: target.channel,
      collected: collected.futureResult
    )
  }

  /// Everything until the client's FIN.
  func received() async throws -> [UInt8] {
    Array(try await collected.get().readableBytesView)
  }
}

private final class GreetingHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let greeting: [UInt8]
  private let collected: EventLoopPromise<ByteBuffer>
  private var bytes = ByteBuffer()

  init(_ greeting: [UInt8], _ collected: EventLoopPromise<ByteBuffer>) {
    self.greeting = greeting
    self.collected = collected
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: greeting))).whenComplete { _ in
      channel.close(mode: .output, promise: nil)
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var data = unwrapInboundIn(data)
    bytes.writeBuffer(&data)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    collected.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    collected.succeed(bytes)
  }
}
