package import HawserPrimitives
import HawserTLS
import NIOCore

/// A link over TLS over TCP (`PROTOCOL.md`, Links, `tcp`).
///
/// Carries out what the pure parts decide: ``TLSEngine`` (bytes to plaintext), ``RecordDecoder``
/// and ``RecordEncoder`` (plaintext to messages), ``DeliveryReporter`` (when to ACK),
/// ``UnreportedRecords`` and ``LinkMonitor`` (is the peer alive). The way in is in
/// `TCPLink+Inbound.swift`, the way out in `TCPLink+Outbound.swift`; here are the link's life and
/// its clock. It is the only handler of its channel, and confined to the channel's event loop.
///
///     connecting ──▶ securing ──▶ open ──▶ retiring ──▶ closing ──▶ closed
///          │             │         │ └────────────────────▲            ▲
///          └─────────────┴─────────┴───── failed, or cut short ────────┘
///
/// *Retiring* hears and reports, and pulls no more; *closing* has said or is about to say goodbye,
/// and still hears.
package final class TCPLink: Link {
  enum Phase {
    case connecting, securing, open, retiring, closing, closed
  }

  /// What a listener learns of a link that it accepted.
  struct HandshakeObserver {
    let reached: (HandshakeStage) -> Void
    /// The link is established or over. Called once, last.
    let ended: () -> Void
  }

  package let id = LinkID.next()
  package let transport = TransportKind.tcp
  package let maximumRecordSize = TransportLimits.recordBytes
  package internal(set) var peerAddress: String
  package internal(set) var binding: [UInt8] = []
  package var user: (any LinkUser)?

  let loop: any EventLoop
  let engine: TLSEngine
  var context: ChannelHandlerContext?
  private(set) var phase = Phase.connecting

  // Inbound.
  var decoder = RecordDecoder()
  var reporter = DeliveryReporter()
  var isReading = false
  var hasHandedUp = false
  var bytesIn: UInt64 = 0

  // Outbound.
  var batch = ByteBuffer()
  var record = ByteBuffer()
  var unreported = UnreportedRecords()
  var pendingPing: UInt64?
  var pendingPong: UInt64?
  var isPumping = false
  var isPumpScheduled = false
  var hasSaidGoodbye = false
  var unsentLimit = UnsentLimit()
  var unsentLookDue: Instant
  var bytesOut: UInt64 = 0

  // Life and time.
  var monitor: LinkMonitor
  var firstByteDeadline: Instant?
  var handshakeObserver: HandshakeObserver?
  private let since: Instant
  private lazy var timer = DeadlineTimer(loop: loop) { [weak self] in self?.deadlineReached() }
  private var handshakeDeadline: Instant?
  private var closeDeadline: Instant?
  private let closeTime: Duration
  /// Why the link ends; the first reason counts.
  private var failure: LinkFailure?

  /// - Parameters:
  ///   - loop: The loop of the channel to come; the caller is on it.
  ///   - engine: Fresh.
  ///   - peerAddress: What is known of the peer so far.
  ///   - handshakeTime: From now to ``established()``.
  ///   - firstByteTime: From now to the peer's first byte, if that is to be watched.
  ///   - closeTime: From ``retire()`` or ``close()`` to the end, at most.
  init(
    on loop: any EventLoop,
    engine: TLSEngine,
    peerAddress: String,
    handshakeTime: Duration,
    firstByteTime: Duration? = nil,
    closeTime: Duration = TransportLimits.closeTime
  ) {
    let now = loop.instant
    self.loop = loop
    self.engine = engine
    self.peerAddress = peerAddress
    self.closeTime = closeTime
    since = now
    unsentLookDue = now
    monitor = LinkMonitor(at: now)
    handshakeDeadline = now + handshakeTime
    firstByteDeadline = firstByteTime.map { now + $0 }
    armTimer()
  }
}

/// From the user.
extension TCPLink {
  package func wake() {
    schedulePump()
  }

  package func established() {
    handshakeDeadline = nil
    endHandshake()
  }

  package func setHeartbeat(_ interval: Duration) {
    monitor.setHeartbeat(interval)
    armTimer()
  }

  package func probe() {
    guard phase == .open else { return }
    monitor.probe(at: loop.instant)
    loop.assumeIsolated().execute { self.drainMonitor() }
  }

  package func retire() {
    switch phase {
    case .connecting, .securing: abort()
    case .open: leave(for: .retiring)
    case .retiring, .closing, .closed: break
    }
  }

  package func close() {
    switch phase {
    case .connecting, .securing: abort()
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
      recordsUnreported: unreported.count,
      since: since
    )
  }
}

/// Life.
extension TCPLink {
  /// Whether what the peer says is heard.
  var hears: Bool { phase == .open || phase == .retiring || phase == .closing }

  /// There is a connection.
  func connected(_ context: ChannelHandlerContext) {
    guard phase == .connecting else { return }
    phase = .securing
    if let address = context.remoteAddress { peerAddress = address.hostAndPort }
    do {
      try engine.start()
      flushCiphertext()
    } catch {
      end(.tls(error))
    }
  }

  /// Sends what the handshake has to say, and opens the link when it is done.
  func secure(at now: Instant) {
    flushCiphertext()
    if bytesOut > 0 { handshakeObserver?.reached(.greeted) }
    guard engine.state == .open || engine.state == .peerClosed else { return }
    do {
      binding = try engine.exportBinding()
    } catch {
      return end(.tls(error))
    }
    phase = .open
    handshakeObserver?.reached(.secured)
    monitor.begin(at: now)
    user?.linkReady(self)
    drainMonitor()
  }

  /// Begins to end, at the user's wish.
  private func leave(for next: Phase) {
    phase = next
    failure = .closedHere
    handshakeDeadline = nil
    closeDeadline = loop.instant + closeTime
    armTimer()
  }

  /// A dial failed before there was a channel.
  func dialFailed(_ reason: LinkFailure) {
    end(reason)
    finish()
  }

  /// Ends the link; the user hears of it when the channel is closed, or in the next turn of the
  /// loop when there is none. After the first time it does nothing.
  func end(_ reason: LinkFailure) {
    guard phase != .closed else { return }
    phase = .closed
    failure = failure ?? reason
    timer.cancel()
    // The alert that says why, or the answer to the peer's close.
    engine.close()
    flushCiphertext()
    if let context {
      context.close(promise: nil)
    } else {
      loop.assumeIsolated().execute { self.finish() }
    }
  }

  /// The channel is closed, or there was none.
  func finish() {
    guard let failure, phase == .closed else { return }
    endHandshake()
    let user = self.user
    self.user = nil
    user?.linkClosed(self, reason: failure)
  }

  private func endHandshake() {
    firstByteDeadline = nil
    let observer = handshakeObserver
    handshakeObserver = nil
    observer?.ended()
  }
}

/// Time.
extension TCPLink {
  func armTimer() {
    timer.follow(nextDeadline)
  }

  private var nextDeadline: Instant? {
    switch phase {
    case .connecting, .securing: earliest(firstByteDeadline, handshakeDeadline)
    case .open: earliest(earliest(monitor.nextDeadline, reportDeadline), handshakeDeadline)
    case .retiring: earliest(reportDeadline, closeDeadline)
    case .closing: closeDeadline
    case .closed: nil
    }
  }

  /// A report that the network doesn't take now goes out as soon as it does.
  private var reportDeadline: Instant? {
    context?.channel.isWritable == true ? reporter.nextDeadline : nil
  }

  private func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
  }

  private func deadlineReached() {
    let now = loop.instant
    if let firstByteDeadline, firstByteDeadline <= now { return end(.handshakeTimeout) }
    if let handshakeDeadline, handshakeDeadline <= now { return end(.handshakeTimeout) }
    if let closeDeadline, closeDeadline <= now { return end(.closedHere) }
    if phase == .open {
      monitor.deadlineReached(at: now)
      drainMonitor()
    }
    if reporter.isDue(at: now) { pump() }
    armTimer()
  }

  /// Carries out what the monitor decided.
  func drainMonitor() {
    while phase == .open, let event = monitor.nextEvent() {
      switch event {
      case .ping(let number):
        pendingPing = number
        schedulePump()
      case .health(let health): user?.link(self, became: health)
      case .roundTrip(let roundTrip): user?.link(self, roundTrip: roundTrip)
      case .dead(let silence): end(.pathDead(silence: silence))
      }
    }
    armTimer()
  }
}
