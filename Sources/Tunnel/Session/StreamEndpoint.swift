internal import HawserPrimitives
internal import HawserSession
internal import NIOCore

/// What the owner of an endpoint learns. Called on the event loop.
protocol StreamEndpointOwner: AnyObject {
  /// The socket is connected.
  func endpointConnected(_ endpoint: StreamEndpoint)
  /// The peer reached its target: the bytes kept for another attempt were dropped.
  func endpointOpened(_ endpoint: StreamEndpoint)
  /// The peer refused the stream before it reached the target; nothing came from there. The socket
  /// is as it was: join another stream, or ``StreamEndpoint/reset()`` it.
  func endpoint(_ endpoint: StreamEndpoint, refused code: StreamErrorCode, retryable: Bool)
  /// The socket is gone. Called once, last.
  func endpointClosed(_ endpoint: StreamEndpoint)
}

/// Joins one socket to one stream, both ways, half by half. Either may be there first.
///
///     socket                                     stream
///     bytes  ── kept until OPENED, then sent ──▶ DATA     paused while the session has no room
///     FIN    ──────────────────────────────────▶ FIN
///     error  ──────────────────────────────────▶ RESET + STOP, never FIN
///     bytes  ◀────────────────────────────────── DATA     read only while the socket takes bytes
///     SHUT_WR, after the last byte ◀──────────── FIN
///     RST    ◀────────────────────────────────── RESET
///
/// Confined to its event loop. The pipeline owns it; the session's host does while they are joined.
final class StreamEndpoint: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// The stream that the socket is joined to.
  private struct Joint {
    let host: SessionHost
    let stream: StreamID
  }

  /// What the socket was told.
  private enum Output {
    case open
    /// The stream has ended; bytes may still wait in the socket's queue.
    case ending
    /// SHUT_WR.
    case ended
  }

  private weak var owner: (any StreamEndpointOwner)?
  private var context: ChannelHandlerContext?
  private var joint: Joint?
  /// The socket said FIN.
  private var hasInputEnded = false
  private var output = Output.open
  private var hasFailed = false
  /// The stream's reader has gone: bytes are read and dropped, to notice the socket's end.
  private var isStopped = false
  /// The session has no room: the socket is not read.
  private var isPaused = false
  private var isDraining = false

  /// What came before OPENED, in one piece however small its pieces were; `nil` when nothing is
  /// kept any more.
  private var kept: ByteBuffer?

  /// - Parameters:
  ///   - owner: Held weakly.
  ///   - keepsFirstBytes: Whether the socket may have to be joined to a second stream: its bytes
  ///     are kept until ``streamOpened()``.
  init(owner: any StreamEndpointOwner, keepsFirstBytes: Bool) {
    self.owner = owner
    kept = keepsFirstBytes ? ByteBuffer() : nil
  }

  /// Whether the socket said anything that a second stream would have to say again.
  var hasKeptBytes: Bool { keptBytes > 0 }

  private var keptBytes: Int { kept?.readableBytes ?? 0 }

  /// Lets the socket's bytes flow into `stream` and back; what was kept goes first.
  func join(_ host: SessionHost, _ stream: StreamID) {
    joint = Joint(host: host, stream: stream)
    host.endpoints[stream] = self
    (isPaused, isStopped) = (false, false)
    if let kept, !host.send(kept, on: stream) { isPaused = true }
    if hasInputEnded { host.finish(stream) }
    drain()
    readMore()
    host.settleSoon()
  }

  /// Closes the socket with RST, whatever is under way; one that is not connected yet, as soon as
  /// it is.
  func reset() {
    hasFailed = true
    guard let context else { return }
    context.channel.resetOnClose()
    context.close(promise: nil)
  }
}

// MARK: - Socket → stream

extension StreamEndpoint {
  func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { connected(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    connected(context)
  }

  private func connected(_ context: ChannelHandlerContext) {
    self.context = context
    if hasFailed { return reset() }
    owner?.endpointConnected(self)
    drain()
    readMore()
    joint?.host.settle()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    if kept != nil {
      kept?.writeImmutableBuffer(bytes)
      if keptBytes > TunnelLimits.keptUnaskedBytes + TunnelLimits.keptFirstBytes {
        guard joint != nil else { return reset() }
        // The stream has it all: this attempt goes on, and is the only one.
        kept = nil
      }
    }
    if let joint, !isStopped, !joint.host.send(bytes, on: joint.stream) { isPaused = true }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    joint?.host.settle()
    readMore()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else { return }
    endInput()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    hasFailed = true
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    // With both directions shut NIO closes at the peer's FIN without telling of the FIN itself.
    if case .ended = output, !hasFailed { endInput() }
    let isClean = if case .ended = output { hasInputEnded && !hasFailed } else { false }
    if let joint, !isClean {
      joint.host.abort(joint.stream, .connectionReset)
      joint.host.settle()
    }
    joint = nil
    kept = nil
    owner?.endpointClosed(self)
  }

  private func endInput() {
    guard !hasInputEnded else { return }
    hasInputEnded = true
    guard let joint else { return }
    joint.host.finish(joint.stream)
    joint.host.settle()
  }

  /// Asks the socket for bytes if there is somewhere to put them.
  private func readMore() {
    guard !hasInputEnded, joint != nil, !isPaused else { return }
    if kept != nil, keptBytes >= TunnelLimits.keptFirstBytes { return }
    context?.read()
  }
}

// MARK: - Stream → socket

extension StreamEndpoint {
  func streamReadable() {
    drain()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard context.channel.isWritable else { return }
    drain()
    joint?.host.settle()
  }

  /// Moves bytes while the socket takes them.
  private func drain() {
    guard let context, let joint, case .open = output, !isDraining else { return }
    isDraining = true
    defer { isDraining = false }
    var hasWritten = false
    reading: while context.channel.isWritable {
      switch joint.host.read(joint.stream) {
      case .bytes(let bytes):
        context.write(wrapOutboundOut(bytes), promise: nil)
        hasWritten = true
      case .finished:
        endOutput(context)
        break reading
      case .nothing:
        break reading
      }
    }
    if hasWritten { joint.host.flushLater(self) }
  }

  func flush() {
    context?.flush()
  }

  /// FIN, after the last byte: closing earlier would drop what waits in the queue.
  private func endOutput(_ context: ChannelHandlerContext) {
    output = .ending
    let flushed = context.eventLoop.makePromise(of: Void.self)
    flushed.futureResult.assumeIsolated().whenSuccess {
      self.output = .ended
      context.close(mode: self.isStopped ? .all : .output, promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: flushed)
  }
}

// MARK: - What the session says

extension StreamEndpoint {
  func streamOpened() {
    kept = nil
    owner?.endpointOpened(self)
    readMore()
  }

  func streamWritable() {
    isPaused = false
    readMore()
  }

  /// Nobody reads what the socket sends: it is dropped, and nothing is lost by reading on.
  func streamStopped() {
    isStopped = true
    isPaused = false
    if case .ended = output { context?.close(promise: nil) }
    readMore()
  }

  func streamReset(_ code: StreamErrorCode, retryable: Bool) {
    guard let joint else { return }
    self.joint = nil
    joint.host.abort(joint.stream, .cancelled)
    if kept != nil, case .open = output {
      owner?.endpoint(self, refused: code, retryable: retryable)
    } else {
      reset()
    }
  }

  /// Both directions are over. What waits in the socket's queue may still go.
  func streamEnded() {
    joint = nil
    isStopped = true
    switch output {
    case .open: reset()
    case .ending: break
    case .ended: context?.close(promise: nil)
    }
  }
}
