package import HawserCryptography
import HawserPrimitives
import HawserSecureDatagram
package import NIOCore
import NIOPosix

/// Dials links over KCP. Confined to its event loop.
package final class KCPDialler {
  private let loop: any EventLoop

  /// - Parameter loop: Where the links will live. NIO's own, for sockets.
  package init(on loop: any EventLoop) {
    self.loop = loop
  }

  /// Starts to dial: resolves the name anew and shakes hands with its first address.
  ///
  /// The outcome reaches the user: ``LinkUser/linkReady(_:)`` or
  /// ``LinkUser/linkClosed(_:reason:)``, neither before this has returned. ``Link/abort()`` gives
  /// the dial up.
  ///
  /// - Parameters:
  ///   - host: A name or an address, IPv6 without brackets.
  ///   - port: 1 to 65535.
  ///   - key: The server's, and the knock secret.
  ///   - timeout: From now to ``Link/established()``.
  ///   - user: Hears of the outcome.
  /// - Returns: The link, not connected yet.
  package func dial(
    host: String,
    port: Int,
    key: JoinKey,
    timeout: Duration = TransportLimits.handshakeTime,
    user: any LinkUser
  ) -> any Link {
    let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let link = KCPLink(on: loop, peerAddress: name, handshakeTime: timeout)
    link.user = user
    let attempt = KCPClient(link: link, key: key, timeout: timeout, loop: loop)
    // Resolving blocks, so it is done elsewhere.
    NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
      try SocketAddress.makeAddressResolvingHost(host, port: port)
    }
    .assumeIsolated()
    .whenComplete { result in
      switch result {
      case .success(let address): attempt.start(to: address)
      case .failure(let error): link.end(.unreachable(error.inWords))
      }
    }
    return link
  }
}

/// The sockets of a dialled link, and its handshake. Confined to its event loop.
///
/// The link holds it, by what it is to call at its end.
final class KCPClient: DatagramSocketUser {
  private weak var link: KCPLink?
  private let key: JoinKey
  private let timeout: Duration
  private let loop: any EventLoop
  private var handshake: ClientHandshake?
  private var server: SocketAddress?
  /// The one in use comes last; others are on their way out.
  private var sockets: [DatagramSocket] = []
  private var openedSockets: UInt16 = 0
  private lazy var timer = DeadlineTimer(loop: loop) { [weak self] in self?.deadlineReached() }

  init(link: KCPLink, key: JoinKey, timeout: Duration, loop: any EventLoop) {
    self.link = link
    self.key = key
    self.timeout = timeout
    self.loop = loop
    link.released = { self.stop() }
    link.renewSocket = { [weak self] in self?.move() }
  }

  func start(to address: SocketAddress) {
    guard let link, link.phase == .connecting else { return }
    let now = loop.instant
    guard let path = PathAddress(address, through: 0) else {
      return link.end(.unreachable("the address is not one of the internet"))
    }
    server = address
    var configuration = ClientHandshake.Configuration()
    configuration.capabilities = .ours
    configuration.timeLimit = timeout
    do {
      handshake = try ClientHandshake(
        key: key,
        server: path,
        configuration: configuration,
        seed: .random(count: SecretGenerator.seedByteCount),
        at: now
      )
    } catch {
      return link.end(.unreachable("the server's key is not one for datagrams"))
    }
    openSocket { _ in self.shake() }
  }

  private func openSocket(then bound: @escaping (DatagramSocket) -> Void) {
    let socket = DatagramSocket(number: openedSockets, user: self)
    openedSockets &+= 1
    sockets.append(socket)
    let anyAddress = server?.protocol == .inet6 ? "::" : "0.0.0.0"
    socket.bind(on: loop, host: anyAddress, port: 0).assumeIsolated().whenComplete { result in
      switch result {
      case .success: bound(socket)
      case .failure(let error): self.link?.end(.unreachable(error.inWords))
      }
    }
  }

  /// Sends what the handshake has to say, and learns what came of it.
  private func shake() {
    let now = loop.instant
    guard let socket = sockets.last else { return }
    var datagram = ByteBuffer()
    while let address = handshake?.nextTransmission(into: &datagram, at: now) {
      socket.write(datagram, to: address)
      datagram = ByteBuffer()
    }
    socket.flush()
    while let event = handshake?.nextEvent() {
      switch event {
      case .established(let channel):
        handshake = nil
        link?.open(channel, roundTrip: nil, through: socket)
      case .failed(let failure):
        handshake = nil
        link?.end(.unreachable("\(failure)"))
      }
    }
    timer.follow(handshake?.nextDeadline)
  }

  private func deadlineReached() {
    handshake?.deadlineReached(at: loop.instant)
    shake()
  }

  /// Takes another socket, because the network beneath the old one may be gone.
  private func move() {
    guard let link, let conversation = link.conversation, link.hears else { return }
    openSocket { [weak self] socket in
      // Another may have been asked for meanwhile.
      guard let self, self.sockets.last === socket, link.hears else { return }
      let now = self.loop.instant
      link.socket = socket
      let address = conversation.channel.address.through(socket: socket.number)
      conversation.channel.move(to: address, sizeLimit: TransportLimits.datagramBytes, at: now)
      link.drainChannel(conversation, at: now)
      link.pump()
      for old in self.sockets.dropLast() { old.close() }
      self.sockets = [socket]
    }
  }

  private func stop() {
    timer.cancel()
    handshake = nil
    for socket in sockets { socket.close() }
  }

  func socket(_ socket: DatagramSocket, received datagram: ByteBuffer, from address: PathAddress) {
    guard handshake == nil else {
      handshake?.receive(datagram, at: loop.instant)
      return
    }
    link?.receive(datagram, from: address)
  }

  func socketReadComplete(_ socket: DatagramSocket) {
    guard handshake == nil else { return shake() }
    link?.completeRead()
  }

  func socketWritable(_ socket: DatagramSocket) {
    link?.schedulePump()
  }
}
