internal import NIOCore
internal import NIOPosix

/// One client's connection and the one to the target that belongs to it. Confined to the loop.
///
/// ```
///   accepted ──refusing──▶ aborted
///      │ dial target
///      ▼
///   dialling ──failed────▶ aborted (client gets RST)
///      │
///      ▼
///   relaying ──both ends closed──▶ forgotten
/// ```
/// Aborted connections are forgotten when their sockets are closed, too.
final class RelayedConnection {
  private let core: RelayCore
  private let client: any Channel
  private var target: (any Channel)?
  private let up: RelayPath
  private let down: RelayPath
  private var isDialling = false
  private var isClientClosed = false
  private var isAborted = false

  init(core: RelayCore, client: any Channel) {
    self.core = core
    self.client = client
    up = RelayPath(core: core, direction: .up)
    down = RelayPath(core: core, direction: .down)
    up.source = client
    down.sink = client
  }

  /// Puts the handler into the client's pipeline.
  func install() throws {
    client.closeFuture.assumeIsolated().whenComplete { [self] _ in
      isClientClosed = true
      forgetIfClosed()
    }
    let end = RelayEnd(reads: up, writes: down, connection: self)
    try client.pipeline.syncOperations.addHandler(end)
  }

  // MARK: - Events

  /// A socket is open.
  func opened(_ channel: any Channel) {
    guard channel === client else { return }
    if isAborted {
      // The relay was cut between accepting and here.
      reset(client)
    } else if core.faults.isRefusing {
      core.countRefused()
      abort()
    } else {
      up.updateReading()
      dial()
    }
  }

  /// Bytes held, both ways.
  var heldBytes: Int { up.heldBytes + down.heldBytes }

  /// The faults are others now.
  func faultsChanged() {
    for path in [up, down] { path.faultsChanged() }
  }

  /// Resets both sockets.
  func abort() {
    isAborted = true
    for path in [up, down] { path.sinkClosed() }
    for channel in [client, target] { reset(channel) }
  }

  // MARK: - Target

  private func dial() {
    isDialling = true
    let this = NIOLoopBound(self, eventLoop: core.loop)
    ClientBootstrap(group: core.loop)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try this.value.attach(target: channel) }
      }
      .connect(host: core.target.host, port: core.target.port)
      .assumeIsolated()
      .whenComplete { [self] result in dialled(result) }
  }

  private func attach(target: any Channel) throws {
    let end = RelayEnd(reads: down, writes: up, connection: self)
    try target.pipeline.syncOperations.addHandler(end)
    // Nothing may be read before the path has a source to hold back.
    setOption(.autoRead, to: false, on: target)
  }

  private func dialled(_ result: Result<any Channel, any Error>) {
    isDialling = false
    switch result {
    case .success(let channel):
      target = channel
      channel.closeFuture.assumeIsolated().whenComplete { [self] _ in
        target = nil
        forgetIfClosed()
      }
      if isAborted { return abort() }
      down.source = channel
      up.sink = channel
      down.updateReading()
      up.pump()
    case .failure:
      core.countUnreachable()
      abort()
    }
    forgetIfClosed()
  }

  private func forgetIfClosed() {
    if isClientClosed, !isDialling, target == nil { core.forget(self) }
  }
}

/// Closes a socket so that its peer gets RST, and drops what was not yet sent.
func reset(_ channel: (any Channel)?) {
  guard let channel, channel.isActive else { return }
  // On the channel's own loop the option is set before the call returns.
  _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
  channel.close(promise: nil)
}

/// The socket's side of a relayed connection: hands what the socket says to the two paths.
final class RelayEnd: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let reads: RelayPath
  private let writes: RelayPath
  private let connection: RelayedConnection
  private var hasFailed = false

  /// - Parameters:
  ///   - reads: The path that carries what this socket's peer sends.
  ///   - writes: The path that ends in this socket.
  ///   - connection: The connection that the socket belongs to.
  init(reads: RelayPath, writes: RelayPath, connection: RelayedConnection) {
    self.reads = reads
    self.writes = writes
    self.connection = connection
  }

  func channelActive(context: ChannelHandlerContext) {
    connection.opened(context.channel)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    reads.received(unwrapInboundIn(data))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    reads.pump()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event as? ChannelEvent == .inputClosed { reads.receivedEnd() }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { writes.pump() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    // NIO does not tell a clean end as such when the output has been closed before.
    if hasFailed || !writes.hasDeliveredEnd {
      reads.receivedReset()
    } else if !reads.hasEnded {
      reads.receivedEnd()
    }
    writes.sinkClosed()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    hasFailed = true
    context.close(promise: nil)
  }
}
