package import HawserCryptography
import HawserPrimitives
import HawserSecureDatagram
package import NIOCore

/// Accepts links over KCP: all peers of one UDP port. Confined to its event loop.
package final class KCPListener {
  /// Makes the user of a link that was accepted.
  package typealias Acceptor = (_ link: any Link) -> any LinkUser

  private let loop: any EventLoop
  private let accept: Acceptor
  private var listener: Listener
  private var links: [ConnectionID: KCPLink] = [:]
  /// Links that got something in this batch.
  private var touched: [KCPLink] = []
  private var payload = ByteBuffer()
  private lazy var socket = DatagramSocket(number: 0, user: self)
  private lazy var timer = DeadlineTimer(loop: loop) { [weak self] in self?.deadlineReached() }

  /// - Parameters:
  ///   - loop: Where the listener and its links live. NIO's own, for sockets.
  ///   - identity: The server's.
  ///   - accept: Makes the user of each link.
  package init(
    on loop: any EventLoop,
    identity: ServerIdentity,
    accept: @escaping Acceptor
  ) {
    self.loop = loop
    self.accept = accept
    var configuration = ListenerConfiguration()
    configuration.capabilities = .ours
    listener = Listener(
      identity: identity,
      configuration: configuration,
      seed: .random(count: SecretGenerator.seedByteCount),
      at: loop.instant
    )
  }

  /// Binds and starts to accept.
  ///
  /// - Parameters:
  ///   - host: An address or a name of this machine; `0.0.0.0` or `::` for all.
  ///   - port: 0 picks a free one.
  /// - Returns: The address that was bound; fails with the system's error.
  package func bind(host: String, port: Int) -> EventLoopFuture<SocketAddress> {
    socket.bind(on: loop, host: host, port: port)
  }

  /// Closes the port, and with it every link that is left.
  package func close() {
    for link in Array(links.values) { link.abort() }
    socket.close()
  }

  /// Datagrams of strangers that were dropped.
  package var droppedDatagrams: UInt64 { listener.statistics.dropped }
}

extension KCPListener: DatagramSocketUser {
  func socket(_ socket: DatagramSocket, received datagram: ByteBuffer, from address: PathAddress) {
    let now = loop.instant
    switch listener.receive(datagram, from: address, at: now, into: &payload) {
    case .channel(let channel, let arrival):
      pass(arrival, bytes: datagram.readableBytes, to: links[channel.localID])
    case .accepted(let channel, let arrival):
      let link = accepted(channel)
      pass(arrival, bytes: datagram.readableBytes, to: link)
    case .handshake, .dropped: break
    }
  }

  private func pass(_ arrival: ChannelArrival, bytes: Int, to link: KCPLink?) {
    guard let link else { return }
    if touched.last !== link { touched.append(link) }
    link.take(arrival, payload, bytes: bytes)
  }

  private func accepted(_ channel: SecureChannel) -> KCPLink {
    let link = KCPLink(
      on: loop,
      peerAddress: channel.address.description,
      handshakeTime: TransportLimits.handshakeTime
    )
    links[channel.localID] = link
    link.released = { [weak self] in self?.forgetLater(channel.localID) }
    link.user = accept(link)
    link.open(channel, roundTrip: channel.roundTrip, through: socket)
    return link
  }

  /// A peer that has missed CLOSE is told again for a while.
  private func forgetLater(_ id: ConnectionID) {
    links[id] = nil
    loop.assumeIsolated().scheduleTask(in: TimeAmount(TransportLimits.closedChannelTime)) {
      [weak self] in self?.listener.remove(id)
    }
  }

  func socketReadComplete(_ socket: DatagramSocket) {
    let links = touched
    touched.removeAll(keepingCapacity: true)
    for link in links { link.completeRead() }
    sendHandshakes()
    socket.flush()
  }

  func socketWritable(_ socket: DatagramSocket) {
    for link in links.values { link.schedulePump() }
  }

  private func sendHandshakes() {
    while true {
      var datagram = ByteBuffer()
      guard let address = listener.nextTransmission(into: &datagram) else { break }
      socket.write(datagram, to: address)
    }
    timer.follow(listener.nextDeadline)
  }

  private func deadlineReached() {
    listener.deadlineReached(at: loop.instant)
    timer.follow(listener.nextDeadline)
  }
}
