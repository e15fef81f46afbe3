import HawserPrimitives
import HawserTLS
package import NIOCore

/// The way out: the user's records and the link's own messages → ciphertext → the socket.
extension TCPLink {
  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { pump() }
  }

  /// Pumps after the events of this turn of the loop, or at the end of the read batch in hand: what
  /// many callers have to send at once shares a batch.
  func schedulePump() {
    // Within a pull there is no need: the pump goes on until there is nothing more.
    guard !isPumpScheduled, !isPumping, phase == .open else { return }
    isPumpScheduled = true
    guard !isReading else { return }
    loop.assumeIsolated().execute {
      if self.isPumpScheduled { self.pump() }
    }
  }

  /// Pulls, encrypts and writes while the network takes it.
  func pump() {
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
    if phase == .retiring, channel.isWritable { _ = sendBatch(at: now) }
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
    if phase != .retiring { addRecords(at: now) }
    // It travels free beside other messages, and saves a timer and a packet of its own.
    if batch.readableBytes > 0 { addReport() }
  }

  /// Pulls the user's records.
  private func addRecords(at now: Instant) {
    while batch.readableBytes < min(TransportLimits.batchBytes, unsentLimit.bytes),
      unreported.count < TransportLimits.unreportedRecords
    {
      record.clear()
      guard let number = user?.link(self, nextRecordInto: &record) else { break }
      RecordEncoder.write(record: record, to: &batch)
      unreported.append(number, bytes: record.readableBytes, at: now)
      monitor.recordSent(at: now)
    }
  }

  private func addReport() {
    if let count = reporter.takeReport() { RecordEncoder.write(report: count, to: &batch) }
  }

  /// Writes what TLS has for the peer.
  func flushCiphertext() {
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
