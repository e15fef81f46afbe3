import HawserKCP
package import HawserPrimitives
import HawserSecureDatagram
import NIOCore

/// A link over KCP over sealed datagrams (`PROTOCOL.md`, Links, `kcp`).
///
/// Carries out what the pure parts decide: ``SecureChannel`` (datagrams to payloads, and where the
/// peer is), ``KCPConnection`` (payloads to records, and when to send) and ``LinkMonitor`` (is the
/// peer alive). The way in is in `KCPLink+Inbound.swift`, the way out in `KCPLink+Outbound.swift`;
/// here are the link's life and its clock. Confined to its event loop.
///
///     connecting ──▶ open ──▶ retiring ──▶ closing ──▶ closed
///          │           └────────────────────▲            ▲
///          └────────────────── failed, or cut short ─────┘
///
/// *Retiring* hears and acknowledges, and pulls no more; *closing* waits until what was pulled has
/// arrived, and says CLOSE.
package final class KCPLink: Link {
  enum Phase {
    case connecting, open, retiring, closing, closed
  }

  package let id = LinkID.next()
  package let transport = TransportKind.kcp
  package internal(set) var peerAddress: String
  package private(set) var binding: [UInt8] = []
  package var user: (any LinkUser)?

  let loop: any EventLoop
  private(set) var phase = Phase.connecting
  /// From the moment on that the link is open.
  private(set) var conversation: KCPConversation?
  /// Where datagrams leave; a client's changes when its network does.
  var socket: DatagramSocket?
  /// A client's way to another socket; a server has one for all.
  var renewSocket: (() -> Void)?
  /// Called once, when the link is over, after CLOSE was handed to the socket.
  var released: (() -> Void)?

  // Inbound.
  var payload = ByteBuffer()
  var hasHandedUp = false
  var bytesIn: UInt64 = 0

  // Outbound.
  var record = ByteBuffer()
  var isPumping = false
  var isPumpScheduled = false
  var unreported = 0
  var bytesOut: UInt64 = 0

  // Life and time.
  var monitor: LinkMonitor
  var pingDeadline: Instant?
  private let since: Instant
  private lazy var timer = DeadlineTimer(loop: loop) { [weak self] in self?.deadlineReached() }
  private var handshakeDeadline: Instant?
  private var closeDeadline: Instant?
  /// Why the link ends; the first reason counts.
  private var failure: LinkFailure?

  /// - Parameters:
  ///   - loop: The loop of the socket; the caller is on it.
  ///   - peerAddress: What is known of the peer so far.
  ///   - handshakeTime: From now to ``established()``.
  init(on loop: any EventLoop, peerAddress: String, handshakeTime: Duration) {
    let now = loop.instant
    self.loop = loop
    self.peerAddress = peerAddress
    since = now
    monitor = LinkMonitor(deadTime: TransportLimits.datagramDeadTime, at: now)
    handshakeDeadline = now + handshakeTime
    armTimer()
  }
}

/// From the user.
extension KCPLink {
  package var maximumRecordSize: Int {
    conversation?.connection.segmentSize ?? TransportLimits.leastDatagramRecord
  }

  package func wake() {
    schedulePump()
  }

  package func established() {
    handshakeDeadline = nil
  }

  package func setHeartbeat(_ interval: Duration) {
    monitor.setHeartbeat(interval)
    armTimer()
  }

  package func probe() {
    guard phase == .open else { return }
    monitor.probe(at: loop.instant)
    loop.assumeIsolated().execute {
      // The old socket may hang on an interface that is gone.
      self.renewSocket?()
      self.drainMonitor()
      self.pump()
    }
  }

  package func retire() {
    switch phase {
    case .connecting: abort()
    case .open: leave(for: .retiring)
    case .retiring, .closing, .closed: break
    }
  }

  package func close() {
    switch phase {
    case .connecting: abort()
    case .open, .retiring:
      leave(for: .closing)
      loop.assumeIsolated().execute { self.pump() }
    case .closing, .closed: break
    }
  }

  package func abort() {
    end(.closedHere)
  }

  package var statistics: LinkStatistics {
    LinkStatistics(
      smoothedRoundTrip: monitor.smoothedRoundTrip,
      bytesIn: bytesIn,
      bytesOut: bytesOut,
      recordsUnreported: unreported,
      since: since
    )
  }
}

/// Life.
extension KCPLink {
  /// Whether what the peer says is heard.
  var hears: Bool { phase == .open || phase == .retiring || phase == .closing }

  /// The handshake is done.
  func open(_ channel: SecureChannel, roundTrip: Duration?, through socket: DatagramSocket) {
    guard phase == .connecting else { return }
    let now = loop.instant
    phase = .open
    conversation = KCPConversation(channel: channel, roundTrip: roundTrip, at: now)
    self.socket = socket
    binding = channel.binding
    peerAddress = channel.address.description
    monitor.begin(at: now)
    user?.linkReady(self)
    drainMonitor()
    schedulePump()
  }

  /// Begins to end, at the user's wish.
  private func leave(for next: Phase) {
    phase = next
    failure = .closedHere
    handshakeDeadline = nil
    closeDeadline = loop.instant + TransportLimits.closeTime
    armTimer()
  }

  /// Ends the link; the user hears of it in the next turn of the loop. After the first time it does
  /// nothing.
  func end(_ reason: LinkFailure) {
    guard phase != .closed else { return }
    phase = .closed
    failure = failure ?? reason
    timer.cancel()
    if let conversation {
      conversation.channel.close(code: 0, at: loop.instant)
      sendOwnDatagrams(of: conversation.channel, at: loop.instant)
      socket?.flush()
    }
    loop.assumeIsolated().execute { self.finish() }
  }

  private func finish() {
    guard let failure else { return }
    released?()
    (released, renewSocket) = (nil, nil)
    let user = self.user
    self.user = nil
    user?.linkClosed(self, reason: failure)
  }
}

/// Time.
extension KCPLink {
  func armTimer() {
    timer.follow(nextDeadline)
  }

  private var nextDeadline: Instant? {
    guard let conversation, hears else { return phase == .connecting ? handshakeDeadline : nil }
    // What the kernel doesn't take now goes out as soon as it does.
    let canSend = socket?.isWritable == true
    return [
      canSend ? conversation.connection.nextDeadline : nil,
      canSend ? conversation.channel.nextDeadline : nil,
      phase == .open ? monitor.nextDeadline : nil, pingDeadline, handshakeDeadline, closeDeadline,
    ].lazy.compactMap(\.self).min()
  }

  private func deadlineReached() {
    let now = loop.instant
    if let handshakeDeadline, handshakeDeadline <= now { return end(.handshakeTimeout) }
    if let closeDeadline, closeDeadline <= now { return end(.closedHere) }
    guard let conversation, hears else { return armTimer() }
    if let due = conversation.connection.nextDeadline, due <= now {
      conversation.connection.deadlineReached(at: now)
    }
    if let due = conversation.channel.nextDeadline, due <= now {
      conversation.channel.deadlineReached(at: now)
    }
    drainConnection(conversation, at: now)
    drainChannel(conversation, at: now)
    if phase == .open {
      monitor.deadlineReached(at: now)
      drainMonitor()
    }
    repeatPing(at: now)
    pump()
  }

  /// A datagram with a PING may be lost, so it is said again until one is answered.
  private func repeatPing(at now: Instant) {
    guard let pingDeadline, pingDeadline <= now else { return }
    guard monitor.awaitsPong, let conversation else {
      self.pingDeadline = nil
      return
    }
    conversation.channel.ping(at: now)
    self.pingDeadline = now + TransportLimits.pingRepetition
  }

  /// Carries out what the monitor decided.
  func drainMonitor() {
    while phase == .open, let event = monitor.nextEvent() {
      switch event {
      case .ping(let number):
        let now = loop.instant
        conversation?.channel.ping(at: now)
        monitor.pingSent(number, at: now)
        pingDeadline = now + TransportLimits.pingRepetition
        schedulePump()
      case .health(let health): user?.link(self, became: health)
      case .roundTrip(let roundTrip): user?.link(self, roundTrip: roundTrip)
      case .dead(let silence): end(.pathDead(silence: silence))
      }
    }
    armTimer()
  }
}
