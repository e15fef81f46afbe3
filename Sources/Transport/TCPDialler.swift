package import HawserTLS
package import NIOCore
import NIOPosix

/// Dials links over TLS over TCP. Confined to its event loop.
package final class TCPDialler {
  private let loop: any EventLoop
  /// The context of the last verification: reading the system's trust store takes milliseconds.
  private var cached: (verification: TLSVerification, context: TLSContext)?

  /// - Parameter loop: Where the links will live. NIO's own, for sockets.
  package init(on loop: any EventLoop) {
    self.loop = loop
  }

  /// Starts to dial: resolves the name anew, tries its addresses side by side (RFC 8305), and
  /// secures the first connection that comes up.
  ///
  /// The outcome reaches the user: ``LinkUser/linkReady(_:)`` or
  /// ``LinkUser/linkClosed(_:reason:)``, neither before this has returned. ``Link/abort()`` gives
  /// the dial up.
  ///
  /// - Parameters:
  ///   - host: A name or an address, IPv6 without brackets.
  ///   - port: 1 to 65535.
  ///   - verification: How to know the server.
  ///   - timeout: From now to ``Link/established()``.
  ///   - user: Hears of the outcome.
  /// - Returns: The link, not connected yet.
  /// - Throws: ``TLSError`` when the verification can't be set up.
  package func dial(
    host: String,
    port: Int,
    verification: TLSVerification,
    timeout: Duration = TransportLimits.handshakeTime,
    user: any LinkUser
  ) throws(TLSError) -> any Link {
    let engine = try TLSEngine(context: context(for: verification))
    let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let link = TCPLink(on: loop, engine: engine, peerAddress: name, handshakeTime: timeout)
    link.user = user
    ClientBootstrap(group: loop)
      .channelOption(.writeBufferWaterMark, value: TCPLink.waterMark)
      .channelOption(.maxMessagesPerRead, value: TransportLimits.readsPerTurn)
      .channelOption(.recvAllocator, value: TCPLink.readAllocator)
      .connectTimeout(TimeAmount(timeout))
      .connect(host: host, port: port)
      .assumeIsolated()
      .whenComplete { result in
        switch result {
        case .success(let channel): link.attach(to: channel)
        case .failure(let error): link.dialFailed(.unreachable(error.inWords))
        }
      }
    return link
  }

  private func context(for verification: TLSVerification) throws(TLSError) -> TLSContext {
    if let cached, cached.verification == verification { return cached.context }
    let context = try TLSContext.client(verification)
    cached = (verification, context)
    return context
  }
}

extension TCPLink {
  /// Writable means that NIO holds nothing that the kernel has not taken.
  static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 1, high: 1)

  /// A guess at each read's size that adapts.
  static var readAllocator: AdaptiveRecvByteBufferAllocator {
    let bytes = TransportLimits.readBytes
    return AdaptiveRecvByteBufferAllocator(
      minimum: bytes.minimum,
      initial: bytes.initial,
      maximum: bytes.maximum
    )
  }

  /// Becomes the handler of a connection.
  func attach(to channel: any Channel) {
    TCPSocketOptions.apply(to: channel)
    do {
      try channel.pipeline.syncOperations.addHandler(self)
    } catch {
      channel.close(promise: nil)
      dialFailed(.connectionLost(error.inWords))
    }
  }
}
