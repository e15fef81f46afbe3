internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// The kernel's news of the machine's network (Linux: rtnetlink(7)). Confined to its loop.
final class RouteSocket {
  private let heard: ([RouteChange]) -> Void
  private let closed: () -> Void
  private var channel: (any Channel)?
  private var isClosed = false

  private init(
    heard: @escaping ([RouteChange]) -> Void,
    closed: @escaping () -> Void
  ) {
    self.heard = heard
    self.closed = closed
  }

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - loop: Where everything happens.
  ///   - heard: Gets what one read gave.
  ///   - closed: The socket is closed, other than by ``close()``.
  /// - Returns: `nil` where there is no such socket: another system, a sandbox, a loop without
  ///   sockets.
  static func open(
    on loop: any EventLoop,
    heard: @escaping ([RouteChange]) -> Void,
    closed: @escaping () -> Void
  ) -> RouteSocket? {
    guard let bootstrap = NIOPipeBootstrap(validatingGroup: loop), let descriptor = subscribe()
    else { return nil }
    let socket = RouteSocket(heard: heard, closed: closed)
    let handler = NIOLoopBound(Handler(socket), eventLoop: loop)
    // A pipe's channel, because NIO has no other that takes a descriptor of this kind.
    bootstrap
      .channelOption(
        .recvAllocator,
        value: FixedSizeRecvByteBufferAllocator(capacity: TunnelLimits.networkReadBytes)
      )
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(handler.value)
        }
      }
      .takingOwnershipOfDescriptor(input: descriptor)
      .assumeIsolated()
      .whenComplete { result in
        switch result {
        case .success(let channel): socket.opened(channel)
        case .failure:
          Self.discard(descriptor)
          socket.ended()
        }
      }
    return socket
  }

  func close() {
    isClosed = true
    channel?.close(promise: nil)
  }

  private func opened(_ channel: any Channel) {
    self.channel = channel
    if isClosed { channel.close(promise: nil) }
  }

  private func ended() {
    guard !isClosed else { return }
    isClosed = true
    closed()
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let socket: RouteSocket

    init(_ socket: RouteSocket) {
      self.socket = socket
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      socket.heard(RouteChange.parse(unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      // ENOBUFS: the kernel had more to tell than fits.
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
      socket.ended()
    }
  }
}

#if os(Linux)
extension RouteSocket {
  /// `RTNLGRP_…` of linux/rtnetlink.h: interfaces, addresses and routes of both families.
  private static let groups: [CInt] = [1, 5, 7, 9, 11]
  /// `SOL_NETLINK` and `NETLINK_ADD_MEMBERSHIP` of linux/netlink.h.
  private static let level: CInt = 270
  private static let addMembership: CInt = 1

  /// - Returns: A socket that hears of everything in ``groups``.
  private static func subscribe() -> CInt? {
    let kind = CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_NETLINK, kind, 0)  // NETLINK_ROUTE
    guard descriptor >= 0 else { return nil }
    // As long as sockaddr_nl and more; zero but for the family, so that the kernel picks the port.
    var address = sockaddr()
    address.sa_family = sa_family_t(AF_NETLINK)
    var isSubscribed = bind(descriptor, &address, socklen_t(MemoryLayout<sockaddr>.size)) == 0
    for group in groups where isSubscribed {
      var group = group
      let size = socklen_t(MemoryLayout<CInt>.size)
      isSubscribed = setsockopt(descriptor, level, addMembership, &group, size) == 0
    }
    guard isSubscribed else {
      discard(descriptor)
      return nil
    }
    return descriptor
  }

  private static func discard(_ descriptor: CInt) {
    _ = Glibc.close(descriptor)
  }
}
#else
extension RouteSocket {
  private static func subscribe() -> CInt? { nil }
  private static func discard(_ descriptor: CInt) {}
}
#endif
