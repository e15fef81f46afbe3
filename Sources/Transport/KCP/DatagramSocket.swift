import HawserPrimitives
import HawserSecureDatagram
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

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
///
/// NIO closes a socket for most errors of a single datagram (a route that is gone, a packet filter
/// that says no). A path that is out of order is what KCP is for, so the socket is then bound
/// again, to the same port.
final class DatagramSocket: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  /// Which of its owner's sockets it is; goes into the addresses of what it receives.
  let number: UInt16
  weak var user: (any DatagramSocketUser)?

  private var context: ChannelHandlerContext?
  /// The owner has closed it.
  private var isClosed = false
  /// Where it is bound, and to be bound again.
  private var place: (loop: any EventLoop, host: String, port: Int)?
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
    return open(on: loop, host: host, port: port).map { address in
      socket.value.place = (loop, host, address.port ?? 0)
      return address
    }
  }

  private func open(
    on loop: any EventLoop,
    host: String,
    port: Int
  ) -> EventLoopFuture<SocketAddress> {
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
          channel.forbidFragments()
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
    rebindLater()
  }

  private func rebindLater() {
    guard !isClosed, let (loop, host, port) = place else { return }
    loop.assumeIsolated().scheduleTask(in: TimeAmount(TransportLimits.rebindDelay)) {
      guard !self.isClosed, self.context == nil else { return }
      self.open(on: loop, host: host, port: port).assumeIsolated().whenComplete {
        switch $0 {
        case .success: self.user?.socketWritable(self)
        case .failure: self.rebindLater()
        }
      }
    }
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

extension Channel {
  /// Datagrams that are too large are refused, rather than sent in pieces: otherwise the size that
  /// a path carries could not be found (RFC 8899 §3).
  fileprivate func forbidFragments() {
    #if os(Linux)
    guard let provider = self as? any SocketOptionProvider else { return }
    // One of the two is not for this socket's family.
    _ = provider.unsafeSetSocketOption(
      level: .ip,
      name: .init(rawValue: IP_MTU_DISCOVER),
      value: CInt(IP_PMTUDISC_PROBE)
    )
    _ = provider.unsafeSetSocketOption(
      level: .ipv6,
      name: .init(rawValue: IPV6_MTU_DISCOVER),
      value: CInt(IPV6_PMTUDISC_PROBE)
    )
    #endif
  }
}
