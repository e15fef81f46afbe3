import HawserTLS
import HawserTransport
import NIOCore
import NIOPosix

/// A client that speaks TLS but writes whatever plaintext it is told, or no TLS at all.
/// Confined to its loop.
final class RawPeer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let engine: TLSEngine?
  private var context: ChannelHandlerContext?
  private var decoder = RecordDecoder()
  fileprivate var messages: [LinkMessage] = []
  private var isClosed = false
  private typealias Condition = ([LinkMessage], _ isOpen: Bool, _ isClosed: Bool) -> Bool
  private var waiters: [(condition: Condition, EventLoopPromise<Void>)] = []

  init(engine: TLSEngine?) {
    self.engine = engine
  }

  func channelActive(context: ChannelHandlerContext) {
    self.context = context
    try? engine?.start()
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let engine else { return }
    try? engine.receive(unwrapInboundIn(data), into: &decoder.buffer)
    flush()
    while let message = try? decoder.next() { messages.append(message) }
    check()
  }

  func channelInactive(context: ChannelHandlerContext) {
    isClosed = true
    check()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  fileprivate func send(_ bytes: ByteBuffer) {
    if let engine {
      try? engine.send(bytes)
      flush()
    } else {
      context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
  }

  fileprivate func wait(
    until condition: @escaping ([LinkMessage], _ isOpen: Bool, _ isClosed: Bool) -> Bool,
    on loop: any EventLoop
  ) -> EventLoopFuture<Void> {
    let promise = loop.makePromise(of: Void.self)
    waiters.append((condition, promise))
    check()
    return promise.futureResult
  }

  private func check() {
    let isOpen = engine?.state == .open
    waiters.removeAll { condition, promise in
      guard condition(messages, isOpen, isClosed) else { return false }
      promise.succeed()
      return true
    }
  }

  private func flush() {
    guard let ciphertext = engine?.takeCiphertext() else { return }
    context?.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
  }

  /// A handle from outside of the loop.
  struct Handle: Sendable {
    let loop: any EventLoop
    let peer: NIOLoopBound<RawPeer>
    let channel: any Channel

    func send(_ bytes: ByteBuffer) async throws {
      let peer = peer
      try await loop.submit { peer.value.send(bytes) }.get()
    }

    /// What has come so far.
    var messages: [LinkMessage] {
      get async throws {
        let peer = peer
        return try await loop.submit { peer.value.messages }.get()
      }
    }

    func wait(
      until condition: @escaping @Sendable ([LinkMessage], _ isOpen: Bool, _ isClosed: Bool) -> Bool
    ) async throws {
      let peer = peer
      let loop = loop
      try await loop.flatSubmit { peer.value.wait(until: condition, on: loop) }.get()
    }
  }
}

extension LinkBench {
  /// Connects a raw client: one that shakes hands, pinning the bench's key, or one that doesn't.
  func connectRaw(speaksTLS: Bool = true) async throws -> RawPeer.Handle {
    let loop = loop
    let peer = try await loop.submit {
      let engine =
        speaksTLS
        ? try TLSEngine(context: .client(.pinned([LinkBench.publicKey]))) : nil
      return NIOLoopBound(RawPeer(engine: engine), eventLoop: loop)
    }.get()
    let channel = try await ClientBootstrap(group: loop)
      .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(peer.value)
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return RawPeer.Handle(loop: loop, peer: peer, channel: channel)
  }
}
