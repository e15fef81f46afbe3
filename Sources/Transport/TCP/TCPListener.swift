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
    /// From accepting a connection to its first byte.
    package var firstByteTime = TransportLimits.firstByteTime
    /// How long one that is not silent keeps its place although others want it.
    package var protection = TransportLimits.handshakeProtection

    /// From ``Link/retire()`` or ``Link/close()`` to the end, at most.
    package var closeTime = TransportLimits.closeTime

    package init() {}
  }

  /// Makes the user of a link that was accepted and is about to be secured.
  package typealias Acceptor = (_ link: any Link) -> any LinkUser

  /// Connections closed because of ``Limits/handshakes`` or ``Limits/handshakesPerAddress``: new
  /// ones, and those that gave way to new ones.
  package private(set) var refusedConnections: UInt64 = 0

  private let loop: any EventLoop
  private let tls: TLSContext
  private let limits: Limits
  private let logger: Logger
  private let accept: Acceptor
  /// Who shakes hands, and those links.
  private var table: HandshakeTable
  private var unestablished: [LinkID: TCPLink] = [:]
  private var channel: (any Channel)?
  private var shortageLines = LogInterval()
  private var crowdLines = LogInterval()

  /// - Parameters:
  ///   - loop: Where the listener and its links live. NIO's own, for sockets.
  ///   - tls: Of a server.
  ///   - limits: Of handshakes under way.
  ///   - logger: Says when the process is out of descriptors or the table of handshakes full.
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
    table = HandshakeTable(
      total: limits.handshakes,
      perNetwork: limits.handshakesPerAddress,
      protection: limits.protection
    )
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
          try channel.pipeline.syncOperations.addHandler(listener.value.makeGate())
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
    let engine: TLSEngine
    do {
      engine = try TLSEngine(context: tls)
    } catch {
      logger.warning("cannot accept a link", metadata: ["reason": "\(error)"])
      return channel.close(promise: nil)
    }
    let link = TCPLink(
      on: loop,
      engine: engine,
      peerAddress: channel.remoteAddress?.hostAndPort ?? "",
      handshakeTime: limits.handshakeTime,
      firstByteTime: limits.firstByteTime,
      closeTime: limits.closeTime
    )
    guard admit(link, from: channel.remoteAddress) else {
      link.abort()
      return channel.close(promise: nil)
    }
    link.user = accept(link)
    link.attach(to: channel)
  }

  /// Finds a place among those that shake hands.
  private func admit(_ link: TCPLink, from address: SocketAddress?) -> Bool {
    let now = loop.instant
    let admission = table.admit(link.id, of: PeerNetwork(address), at: now)
    if admission != .admitted {
      refusedConnections += 1
      if crowdLines.admitsLine(at: now) {
        logger.warning(
          "too many connections in the middle of a handshake; closing those furthest behind",
          metadata: ["address": "\(link.peerAddress)", "closed": "\(refusedConnections)"]
        )
      }
    }
    switch admission {
    case .refused: return false
    case .admitted: break
    case .insteadOf(let last): unestablished[last]?.end(.gaveWay)
    }
    let id = link.id
    unestablished[id] = link
    link.handshakeObserver = TCPLink.HandshakeObserver(
      reached: { self.table.advance(id, to: $0) },
      ended: {
        self.table.remove(id)
        self.unestablished[id] = nil
      }
    )
    return true
  }

  private func makeGate() -> AcceptGate {
    AcceptGate { error in
      guard self.shortageLines.admitsLine(at: self.loop.instant) else { return }
      self.logger.warning(
        "cannot accept connections for now; raise the descriptor limit",
        metadata: ["reason": "\(error.inWords)"]
      )
    }
  }
}
