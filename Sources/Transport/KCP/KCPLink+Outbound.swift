import HawserKCP
import HawserPrimitives
import HawserSecureDatagram
import NIOCore

/// The way out: the user's records → KCP → SecureChannel → the socket.
extension KCPLink {
  /// Pumps after the events of this turn of the loop: what many callers have to send at once shares
  /// a batch.
  func schedulePump() {
    guard !isPumpScheduled, !isPumping, hears else { return }
    isPumpScheduled = true
    loop.assumeIsolated().execute {
      if self.isPumpScheduled { self.pump() }
    }
  }

  /// Sends what is due, pulling records while KCP lets them leave.
  func pump() {
    isPumpScheduled = false
    guard !isPumping, hears, let conversation, let socket else { return }
    isPumping = true
    let now = loop.instant
    sendOwnDatagrams(of: conversation.channel, at: now)
    var sent = 0
    while socket.isWritable, sent < TransportLimits.turnBytes {
      let bytes = sendSegments(conversation, through: socket, at: now)
      if bytes == 0, !pullRecord(conversation, at: now) { break }
      sent += bytes
    }
    if phase == .closing, conversation.connection.isDrained { end(.closedHere) }
    socket.flush()
    isPumping = false
    if sent >= TransportLimits.turnBytes { schedulePump() }
    armTimer()
  }

  /// What the channel has to say for itself: challenges, pongs, probes, CLOSE.
  func sendOwnDatagrams(of channel: SecureChannel, at now: Instant) {
    while let socket {
      var datagram = ByteBuffer()
      guard let address = channel.nextTransmission(into: &datagram, at: now) else { return }
      bytesOut += UInt64(datagram.readableBytes)
      socket.write(datagram, to: address)
    }
  }

  /// - Returns: The size of the datagram that went out; 0 when KCP had none.
  private func sendSegments(
    _ conversation: KCPConversation,
    through socket: DatagramSocket,
    at now: Instant
  ) -> Int {
    var datagram = ByteBuffer()
    datagram.reserveCapacity(TransportLimits.datagramBytes)
    let address = conversation.channel.seal(.segments, into: &datagram, at: now) {
      conversation.connection.nextTransmission(into: &$0, at: now)
    }
    guard let address else { return 0 }
    bytesOut += UInt64(datagram.readableBytes)
    socket.write(datagram, to: address)
    return datagram.readableBytes
  }

  /// Offers the user a turn.
  private func pullRecord(_ conversation: KCPConversation, at now: Instant) -> Bool {
    guard phase == .open || phase == .closing, unreported < TransportLimits.unreportedRecords,
      conversation.connection.recordAllowance(at: now) > 0
    else { return false }
    record.clear()
    guard let number = user?.link(self, nextRecordInto: &record) else { return false }
    do {
      try conversation.connection.send(record, record: number, at: now)
    } catch {
      end(.datagramViolation("\(error)"))
      return false
    }
    unreported += 1
    monitor.recordSent(at: now)
    return true
  }
}
