import Glibc
import NIOCore
import NIOPosix

/// A path to the bench's listener that can be stalled or cut: a relay of bytes on a port of its
/// own.
final class Path: Sendable {
  let port: Int
  private let loop: any EventLoop
  private let state: NIOLoopBound<State>

  /// The two halves of each connection. Confined to the loop.
  final class State {
    var channels: [any Channel] = []
    var isStalled = false
  }

  /// Passes on what one side says to the other.
  final class Half: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let other: any Channel
    private let state: State

    init(to other: any Channel, _ state: State) {
      self.other = other
      self.state = state
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      // Not left to autoRead: NIO reads on when the other side is done.
      guard !state.isStalled else { return }
      other.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case ChannelEvent.inputClosed? = event as? ChannelEvent, !state.isStalled {
        other.close(mode: .output, promise: nil)
      }
    }

    func channelInactive(context: ChannelHandlerContext) {
      other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }

  init(to bench: LinkBench) async throws {
    let loop = bench.loop
    let target = bench.port
    self.loop = loop
    let state = try await loop.submit { NIOLoopBound(State(), eventLoop: loop) }.get()
    self.state = state
    let listener = try await ServerBootstrap(group: loop)
      // Otherwise a half-closed connection would be closed even on a stalled path.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { near in
        ClientBootstrap(group: loop)
          .channelOption(.allowRemoteHalfClosure, value: true)
          .channelInitializer { far in
            far.eventLoop.makeCompletedFuture {
              try far.pipeline.syncOperations.addHandler(Half(to: near, state.value))
            }
          }
          .connect(host: "127.0.0.1", port: target)
          .flatMapThrowing { far in
            try near.pipeline.syncOperations.addHandler(Half(to: far, state.value))
            state.value.channels += [near, far]
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = listener.localAddress?.port ?? 0
  }

  /// From now on nothing passes, and nobody is told.
  func stall() async throws {
    let state = state
    try await loop.submit { state.value.isStalled = true }.get()
  }

  /// Resets both sides' connections.
  func cut() async throws {
    let state = state
    let loop = loop
    try await loop.flatSubmit {
      EventLoopFuture.andAllSucceed(
        state.value.channels.compactMap { channel in
          (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        },
        on: loop
      ).map { for channel in state.value.channels { channel.close(promise: nil) } }
    }.get()
  }
}
