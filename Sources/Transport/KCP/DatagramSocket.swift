import HawserPrimitives
import HawserSecureDatagram
import NIOCore
import NIOPosix

/// Who reads a socket's datagrams.
protocol DatagramSocketUser: AnyObject {
  /// A datagram came.
  func socket(_ socket: DatagramSocket, received datagram: ByteBuffer, from address: PathAddress)
  /// The last one of a batch was passed on: the moment to answer.
  func socketReadComplete(_ socket: DatagramSocket)
  /// The kernel takes datagrams again.
  func socketWritable(_ socket: DatagramSocket)
}

/// One UDP socket: batches of datagrams from the kernel and to it. Confined to its event loop.
///
/// NIO reads with `recvmmsg` and writes with `sendmmsg`. What the kernel does not take at once
/// waits in NIO's queue; nobody writes more while ``isWritable`` says no.
final class DatagramSocket: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  /// Which of its owner's sockets it is; goes into the addresses of what it receives.
  let number: UInt16
  weak var user: (any DatagramSocketUser)?

  private var context: ChannelHandlerContext?
  /// The socket was closed before it was bound.
  private var isClosed = false
  /// The last address that was written to, as NIO wants it: most datagrams go to the same.
  private var lastDestination: (path: PathAddress, socket: SocketAddress)?
  /// The last address that was heard: likewise.
  private var lastSource: (socket: SocketAddress, path: PathAddress)?
  private var hasWritten = false

  init(number: UInt16, user: any DatagramSocketUser) {
    self.number = number
    self.user = user
  }

  /// Binds the socket.
  ///
  /// - Returns: Where; fails with the system's error.
  func bind(on loop: any EventLoop, host: String, port: Int) -> EventLoopFuture<SocketAddress> {
    let socket = NIOLoopBound(self, eventLoop: loop)
    return DatagramBootstrap(group: loop)
      .channelOption(.socketOption(.so_rcvbuf), value: TransportLimits.datagramBufferBytes)
      .channelOption(.socketOption(.so_sndbuf), value: TransportLimits.datagramBufferBytes)
      .channelOption(
        .datagramVectorReadMessageCount,
        value: TransportLimits.datagramsPerRead
      )
      .channelOption(.recvAllocator, value: Self.readAllocator)
      .channelOption(.maxMessagesPerRead, value: TransportLimits.datagramReadsPerTurn)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(socket.value)
        }
      }
      .bind(host: host, port: port)
      .flatMapThrowing { channel in
        guard let address = channel.localAddress else { throw ChannelError.alreadyClosed }
        return address
      }
  }

  private static let readAllocator = FixedSizeRecvByteBufferAllocator(
    capacity: TransportLimits.datagramsPerRead * TransportLimits.datagramBytes
  )

  /// Whether the kernel takes what is written.
  var isWritable: Bool { context?.channel.isWritable ?? false }

  /// Hands a datagram over; ``flush()`` sends it.
  func write(_ datagram: ByteBuffer, to address: PathAddress) {
    guard let context else { return }
    hasWritten = true
    let envelope = AddressedEnvelope(remoteAddress: destination(of: address), data: datagram)
    // A datagram that the kernel refuses is as good as lost.
    context.write(wrapOutboundOut(envelope), promise: nil)
  }

  /// Sends what was written.
  func flush() {
    guard hasWritten else { return }
    hasWritten = false
    context?.flush()
  }

  /// Closes the socket, now or as soon as it is bound.
  func close() {
    isClosed = true
    context?.close(promise: nil)
  }

  private func destination(of path: PathAddress) -> SocketAddress {
    if let last = lastDestination, last.path == path { return last.socket }
    let socket = SocketAddress(path)
    lastDestination = (path, socket)
    return socket
  }

  private func source(of socket: SocketAddress) -> PathAddress? {
    if let last = lastSource, last.socket == socket { return last.path }
    guard let path = PathAddress(socket, through: number) else { return nil }
    lastSource = (socket, path)
    return path
  }
}

extension DatagramSocket {
  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if isClosed { context.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope = unwrapInboundIn(data)
    guard let address = source(of: envelope.remoteAddress) else { return }
    user?.socket(self, received: envelope.data, from: address)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    user?.socketReadComplete(self)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { user?.socketWritable(self) }
  }

  /// Errors of single datagrams (a port unreachable, a route that is gone for a moment) say nothing
  /// that silence would not say.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
