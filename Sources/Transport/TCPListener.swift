import HawserPrimitives
package import HawserTLS
package import Logging
package import NIOCore
import NIOPosix

/// Accepts links over TLS over TCP. Confined to its event loop.
package final class TCPListener {
  /// How many strangers may be in the middle of a handshake, and for how long.
  package struct Limits: Sendable {
    /// Connections in all.
    package var handshakes = TransportLimits.handshakes
    /// Connections of one IPv4 address or IPv6 network of 64 bits.
    package var handshakesPerAddress = TransportLimits.handshakesPerAddress
    /// From accepting a connection to ``Link/established()``.
    package var handshakeTime = TransportLimits.handshakeTime

    package init() {}
  }

  /// Makes the user of a link that was accepted and is about to be secured.
  package typealias Acceptor = (_ link: any Link) -> any LinkUser

  /// Connections closed because of ``Limits``.
  package private(set) var refusedConnections: UInt64 = 0

  private let loop: any EventLoop
  private let tls: TLSContext
  private let limits: Limits
  private let logger: Logger
  private let accept: Acceptor
  private var slots: HandshakeSlots
  private var channel: (any Channel)?
  private var lastShortage: Instant?

  /// - Parameters:
  ///   - loop: Where the listener and its links live. NIO's own, for sockets.
  ///   - tls: Of a server.
  ///   - limits: Of handshakes under way.
  ///   - logger: Says when the process is out of descriptors.
  ///   - accept: Makes the user of each link.
  package init(
    on loop: any EventLoop,
    tls: TLSContext,
    limits: Limits = Limits(),
    logger: Logger,
    accept: @escaping Acceptor
  ) {
    self.loop = loop
    self.tls = tls
    self.limits = limits
    self.logger = logger
    self.accept = accept
    slots = HandshakeSlots(total: limits.handshakes, perNetwork: limits.handshakesPerAddress)
  }

  /// Binds and starts to accept.
  ///
  /// - Parameters:
  ///   - host: An address or a name of this machine; `0.0.0.0` or `::` for all.
  ///   - port: 0 picks a free one.
  /// - Returns: The address that was bound; fails with the system's error.
  package func bind(host: String, port: Int) -> EventLoopFuture<SocketAddress> {
    let listener = NIOLoopBound(self, eventLoop: loop)
    return ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: TransportLimits.acceptBacklog)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(listener.value.makeAcceptPauser())
        }
      }
      .childChannelOption(.writeBufferWaterMark, value: TCPLink.waterMark)
      .childChannelOption(.maxMessagesPerRead, value: TransportLimits.readsPerTurn)
      .childChannelOption(.recvAllocator, value: TCPLink.readAllocator)
      .childChannelInitializer { channel in
        listener.value.accepted(channel)
        return channel.eventLoop.makeSucceededVoidFuture()
      }
      .bind(host: host, port: port)
      .flatMapThrowing { channel in
        listener.value.channel = channel
        guard let address = channel.localAddress else { throw ChannelError.alreadyClosed }
        return address
      }
  }

  /// Stops to accept; links that were accepted stay. Succeeds when the port is free.
  package func close() -> EventLoopFuture<Void> {
    guard let channel else { return loop.makeSucceededVoidFuture() }
    self.channel = nil
    channel.close(promise: nil)
    return channel.closeFuture
  }

  private func accepted(_ channel: any Channel) {
    let network = PeerNetwork(channel.remoteAddress)
    guard slots.take(for: network) else {
      refusedConnections += 1
      return channel.close(promise: nil)
    }
    let engine: TLSEngine
    do {
      engine = try TLSEngine(context: tls)
    } catch {
      slots.release(for: network)
      logger.warning("cannot accept a link", metadata: ["error": "\(error)"])
      return channel.close(promise: nil)
    }
    let link = TCPLink(
      on: loop,
      engine: engine,
      peerAddress: channel.remoteAddress?.text ?? "",
      handshakeTime: limits.handshakeTime,
      releaseHandshakeSlot: { self.slots.release(for: network) }
    )
    link.user = accept(link)
    link.attach(to: channel)
  }

  private func makeAcceptPauser() -> AcceptPauser {
    AcceptPauser { error in
      let now = self.loop.instant
      defer { self.lastShortage = now }
      if let last = self.lastShortage, now - last <= TransportLimits.shortageEnd { return }
      self.logger.warning(
        "cannot accept connections for now; raise the descriptor limit",
        metadata: ["error": "\(error)"]
      )
    }
  }
}
