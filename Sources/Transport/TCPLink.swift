package import HawserPrimitives
import HawserTLS
package import NIOCore

/// A link over TLS over TCP (`PROTOCOL.md`, Links, `tcp`).
///
/// Carries out what the pure parts decide: ``TLSEngine`` (bytes to plaintext), ``RecordDecoder``
/// and ``RecordEncoder`` (plaintext to messages), ``DeliveryReporter`` (when to ACK),
/// ``UnreportedRecords`` and ``LinkMonitor`` (is the peer alive). It is the only handler of its
/// channel, and confined to the channel's event loop.
///
///     connecting ──▶ securing ──▶ open ──▶ closing ──▶ closed
///          └────────────┴──────────┴─────────────────────▲
package final class TCPLink: Link {
  private enum Phase {
    case connecting, securing, open, closing, closed
  }

  package let id = LinkID.next()
  package let transport = TransportKind.tcp
  package let maximumRecordSize = TransportLimits.recordBytes
  package private(set) var peerAddress: String
  package private(set) var binding: [UInt8] = []
  package var user: (any LinkUser)?

  private let loop: any EventLoop
  private let engine: TLSEngine
  private var context: ChannelHandlerContext?
  private var phase = Phase.connecting
  /// Why the link ends; the first reason counts.
  private var failure: LinkFailure?

  // Inbound.
  private var decoder = RecordDecoder()
  private var reporter = DeliveryReporter()
  private var isReading = false
  private var isReadingPaused = false
  private var hasHandedUp = false

  // Outbound.
  private var batch = ByteBuffer()
  private var record = ByteBuffer()
  private var unreported = UnreportedRecords()
  private var pendingPing: UInt64?
  private var pendingPong: UInt64?
  private var isPumping = false
  private var isPumpScheduled = false
  private var hasSaidGoodbye = false
  private var unsentLimit = UnsentLimit()
  private var unsentLookDue: Instant

  // Time.
  private var monitor: LinkMonitor
  private let timer: LinkTimer
  private var handshakeDeadline: Instant?
  private var closeDeadline: Instant?

  private let since: Instant
  private var bytesIn: UInt64 = 0
  private var bytesOut: UInt64 = 0
  private var releaseHandshakeSlot: (() -> Void)?

  /// - Parameters:
  ///   - loop: The loop of the channel to come; the caller is on it.
  ///   - engine: Fresh.
  ///   - peerAddress: What is known of the peer so far.
  ///   - handshakeTime: From now to ``established()``.
  ///   - releaseHandshakeSlot: Called once, when the link is established or over.
  init(
    on loop: any EventLoop,
    engine: TLSEngine,
    peerAddress: String,
    handshakeTime: Duration,
    releaseHandshakeSlot: (() -> Void)? = nil
  ) {
    let now = loop.instant
    self.loop = loop
    self.engine = engine
    timer = LinkTimer(on: loop)
    self.peerAddress = peerAddress
    self.releaseHandshakeSlot = releaseHandshakeSlot
    since = now
    unsentLookDue = now
    monitor = LinkMonitor(at: now)
    handshakeDeadline = now + handshakeTime
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
    takeHandshakeSlotRelease()?()
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

  package func pauseReading() {
    guard !isReadingPaused else { return }
    isReadingPaused = true
    monitor.setPaused(true, at: loop.instant)
    setAutomaticRead(false)
  }

  package func resumeReading() {
    guard isReadingPaused else { return }
    isReadingPaused = false
    monitor.setPaused(false, at: loop.instant)
    armTimer()
    // Later, because the user is not called from within its own calls.
    loop.assumeIsolated().execute {
      guard !self.isReadingPaused else { return }
      self.handUp(at: self.loop.instant)
      self.completeRead()
      self.setAutomaticRead(true)
    }
  }

  package func close() {
    switch phase {
    case .connecting, .securing: abort()
    case .open:
      phase = .closing
      failure = .closedHere
      handshakeDeadline = nil
      closeDeadline = loop.instant + TransportLimits.closeTime
      armTimer()
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

/// From the network.
extension TCPLink: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    guard phase != .closed else { return context.close(promise: nil) }
    if context.channel.isActive { connected(context) }
  }

  package func channelActive(context: ChannelHandlerContext) {
    connected(context)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let ciphertext = unwrapInboundIn(data)
    bytesIn += UInt64(ciphertext.readableBytes)
    guard phase == .securing || phase == .open || phase == .closing else { return }
    let now = loop.instant
    isReading = true
    monitor.heard(at: now)
    decoder.makeRoom(for: ciphertext.readableBytes)
    var problem: TLSError?
    do {
      try engine.receive(ciphertext, into: &decoder.buffer)
    } catch {
      problem = error
    }
    if phase == .securing { secure(at: now) }
    // Also before an error: what was decrypted until then is genuine.
    handUp(at: now)
    if let problem {
      end(.tls(problem))
    } else if engine.state == .peerClosed {
      end(.closedByPeer)
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    completeRead()
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { pump() }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(.connectionLost(Self.reason(of: error)))
  }

  package func channelInactive(context: ChannelHandlerContext) {
    end(.truncated)
    // NIO may call this from within close(), and thus from within a call of the user's.
    loop.assumeIsolated().execute { self.finish() }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  private func connected(_ context: ChannelHandlerContext) {
    guard phase == .connecting else { return }
    phase = .securing
    if let address = context.remoteAddress { peerAddress = address.text }
    do {
      try engine.start()
      flushCiphertext()
    } catch {
      end(.tls(error))
    }
  }

  /// Sends what the handshake has to say, and opens the link when it is done.
  private func secure(at now: Instant) {
    flushCiphertext()
    guard engine.state == .open || engine.state == .peerClosed else { return }
    do {
      binding = try engine.exportBinding()
    } catch {
      return end(.tls(error))
    }
    phase = .open
    monitor.begin(at: now)
    user?.linkReady(self)
    drainMonitor()
  }

  /// Decodes what was decrypted and gives it to the user.
  private func handUp(at now: Instant) {
    guard phase == .open else { return decoder.buffer.clear() }
    do {
      while phase == .open, !isReadingPaused, let message = try decoder.next() {
        hasHandedUp = true
        try take(message, at: now)
      }
    } catch {
      end(.protocolViolation(error))
    }
  }

  private func take(_ message: LinkMessage, at now: Instant) throws(RecordFramingViolation) {
    switch message {
    case .record(let record):
      user?.link(self, received: record)
      reporter.took(bytes: record.readableBytes, at: now)
    case .report(let total):
      let sample = try unreported.report(total, at: now)
      while phase == .open, let number = unreported.nextDelivered() {
        user?.link(self, delivered: number)
      }
      monitor.reported(oldest: unreported.oldest, sample: sample, at: now)
    case .ping(let number):
      // Only the latest is answered: a flood of them costs one answer a batch.
      pendingPong = number
    case .pong(let number):
      try monitor.pongReceived(number, at: now)
    }
  }

  private func completeRead() {
    isReading = false
    if hasHandedUp {
      hasHandedUp = false
      drainMonitor()
      if phase == .open { user?.linkReadComplete(self) }
    }
    let isReportDue = reporter.isDue(at: loop.instant)
    if isPumpScheduled || isReportDue || pendingPong != nil { pump() } else { armTimer() }
  }

  private func setAutomaticRead(_ isOn: Bool) {
    context?.channel.setOption(.autoRead, value: isOn).whenFailure { _ in
      // The channel is closed already.
    }
  }

  private static func reason(of error: any Error) -> String {
    (error as? IOError)?.description ?? "\(error)"
  }
}

/// To the network.
extension TCPLink {
  /// Pumps after the events of this turn of the loop, or at the end of the read batch in hand: what
  /// many callers have to send at once shares a batch.
  private func schedulePump() {
    // Within a pull there is no need: the pump goes on until there is nothing more.
    guard !isPumpScheduled, !isPumping, phase == .open else { return }
    isPumpScheduled = true
    guard !isReading else { return }
    loop.assumeIsolated().execute {
      if self.isPumpScheduled { self.pump() }
    }
  }

  /// Pulls, encrypts and writes while the network takes it.
  private func pump() {
    isPumpScheduled = false
    guard !isPumping, let channel = context?.channel else { return }
    isPumping = true
    let now = loop.instant
    var sent = 0
    if unsentLookDue <= now {
      unsentLookDue = now + TransportLimits.unsentLookInterval
      unsentLimit = TCPSocketOptions.adapt(unsentLimit, on: channel)
    }
    while phase == .open, channel.isWritable, sent < TransportLimits.turnBytes {
      let bytes = sendBatch(at: now)
      guard bytes > 0 else { break }
      sent += bytes
    }
    if phase == .closing, channel.isWritable, !hasSaidGoodbye {
      _ = sendBatch(at: now)
      sayGoodbye()
    }
    isPumping = false
    if sent >= TransportLimits.turnBytes { schedulePump() }
    armTimer()
  }

  /// - Returns: The bytes of plaintext that went out; 0 when there was nothing to send.
  private func sendBatch(at now: Instant) -> Int {
    fillBatch(at: now)
    guard batch.readableBytes > 0 else { return 0 }
    do {
      try engine.send(batch)
    } catch {
      end(.tls(error))
    }
    flushCiphertext()
    return batch.readableBytes
  }

  /// Collects messages, the link's own first.
  private func fillBatch(at now: Instant) {
    batch.clear()
    if let number = pendingPong {
      pendingPong = nil
      RecordEncoder.write(pong: number, to: &batch)
    }
    if reporter.isDue(at: now) { addReport() }
    if let number = pendingPing {
      pendingPing = nil
      RecordEncoder.write(ping: number, to: &batch)
      monitor.pingSent(number, at: now)
    }
    while batch.readableBytes < min(TransportLimits.batchBytes, unsentLimit.bytes),
      unreported.count < TransportLimits.unreportedRecords
    {
      record.clear()
      guard let number = user?.link(self, nextRecordInto: &record) else { break }
      RecordEncoder.write(record: record, to: &batch)
      unreported.append(number, bytes: record.readableBytes, at: now)
      monitor.recordSent(at: now)
    }
    // It travels free beside other messages, and saves a timer and a packet of its own.
    if batch.readableBytes > 0 { addReport() }
  }

  private func addReport() {
    if let count = reporter.takeReport() { RecordEncoder.write(report: count, to: &batch) }
  }

  private func flushCiphertext() {
    guard let ciphertext = engine.takeCiphertext(), let context else { return }
    bytesOut += UInt64(ciphertext.readableBytes)
    context.writeAndFlush(wrapOutboundOut(ciphertext), promise: nil)
  }

  /// Ends this side's direction; the peer then ends its own, and the channel closes.
  private func sayGoodbye() {
    guard phase == .closing else { return }
    hasSaidGoodbye = true
    engine.close()
    flushCiphertext()
    context?.close(mode: .output, promise: nil)
  }
}

/// Time.
extension TCPLink {
  private func armTimer() {
    guard let next = nextDeadline else { return }
    timer.arm(for: next) { self.deadlineReached() }
  }

  private var nextDeadline: Instant? {
    switch phase {
    case .connecting, .securing: return handshakeDeadline
    case .open:
      // A report that the network doesn't take now goes out as soon as it does.
      let report = context?.channel.isWritable == true ? reporter.nextDeadline : nil
      return earliest(earliest(monitor.nextDeadline, report), handshakeDeadline)
    case .closing: return closeDeadline
    case .closed: return nil
    }
  }

  private func earliest(_ left: Instant?, _ right: Instant?) -> Instant? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
  }

  private func deadlineReached() {
    let now = loop.instant
    if let handshakeDeadline, handshakeDeadline <= now { return end(.handshakeTimeout) }
    if let closeDeadline, closeDeadline <= now { return end(.closedHere) }
    if phase == .open {
      monitor.deadlineReached(at: now)
      drainMonitor()
      if reporter.isDue(at: now) { pump() }
    }
    armTimer()
  }

  private func drainMonitor() {
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

/// The end.
extension TCPLink {
  /// A dial failed before there was a channel.
  func dialFailed(_ reason: LinkFailure) {
    end(reason)
    finish()
  }

  /// Ends the link; the user hears of it when the channel is closed, or in the next turn of the
  /// loop when there is none. After the first time it does nothing.
  private func end(_ reason: LinkFailure) {
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

  private func finish() {
    guard let failure, phase == .closed else { return }
    takeHandshakeSlotRelease()?()
    let user = self.user
    self.user = nil
    user?.linkClosed(self, reason: failure)
  }

  private func takeHandshakeSlotRelease() -> (() -> Void)? {
    defer { releaseHandshakeSlot = nil }
    return releaseHandshakeSlot
  }
}
