package import HawserPrimitives
package import struct NIOCore.ByteBuffer

extension KCPConnection {
  /// Takes a record, a message or bytes of the stream.
  ///
  /// `bytes`: not empty. A record is at most ``segmentSize`` bytes, and at most what
  /// ``recordAllowance(at:)`` said if it is to leave at once.
  /// `record`: comes back in ``KCPEvent/delivered(_:)`` in record mode; ignored otherwise.
  /// - Throws: Nothing was taken.
  package mutating func send(
    _ bytes: ByteBuffer,
    record: RecordNumber = RecordNumber(0),
    at now: Instant
  ) throws(KCPSendError) {
    guard !isDead else { throw .dead }
    guard bytes.readableBytes > 0 else { throw .empty }
    let segmentSize = segmentSize
    switch configuration.service {
    case .records:
      guard bytes.readableBytes <= segmentSize else { throw .recordTooLarge(limit: segmentSize) }
    case .messages:
      let limit = min(KCPLimits.fragments, peerWindow.largest) * segmentSize
      guard bytes.readableBytes <= limit else { throw .messageTooLarge(limit: limit) }
    case .stream: break
    }
    guard queue.isEmpty || queue.byteCount + bytes.readableBytes <= configuration.queueByteCount
    else {
      owesWritable = true
      throw .queueFull
    }
    isOfferOpen = false
    if waitingSince == nil { waitingSince = now }
    switch configuration.service {
    case .records: queue.append(bytes, fragment: 0, record: record)
    case .messages: queue.append(message: bytes, segmentSize: segmentSize, record: record)
    case .stream: queue.append(stream: bytes, segmentSize: segmentSize)
    }
  }

  /// The size of a record that may leave now: 0 when nothing may, because something else goes
  /// first, the window is full, or the pacing says to wait. In that last case ``nextDeadline``
  /// covers it.
  ///
  /// Whoever is offered room and sends nothing before the next datagram arrives has nothing to
  /// send: measurements of the path then say nothing of its limits.
  package mutating func recordAllowance(at now: Instant) -> Int {
    isOfferOpen = false
    owesOffer = false
    guard !isDead, queue.isEmpty, lost.isEmpty, probes.isEmpty, hasWindow(for: segmentSize) else {
      return 0
    }
    guard pacer.allows(at: now) else {
      owesOffer = true
      return 0
    }
    isOfferOpen = true
    return segmentSize
  }

  /// The next record in the order of arrival, the next whole message, or the next bytes of the
  /// stream.
  ///
  /// Taking is what makes the peer's window move on; a record is acknowledged only now.
  package mutating func nextMessage(at now: Instant) -> ByteBuffer? {
    if configuration.service == .records {
      guard let arrival = incoming.takeArrival() else { return nil }
      acknowledge(arrival.segment, timestamp: arrival.timestamp, at: now)
      return arrival.payload
    }
    let message = incoming.takeMessage()
    if message != nil { tellOpenedWindow(at: now) }
    return message
  }

  /// The next event, in order.
  package mutating func nextEvent() -> KCPEvent? {
    events.popFirst()
  }

  /// Sets the size of the datagrams made from now on, as path MTU discovery finds it.
  ///
  /// - Parameter bytes: Clamped to what the limits allow.
  package mutating func setDatagramSize(_ bytes: Int) {
    datagramSize = min(max(bytes, KCPLimits.minimumDatagramSize), KCPLimits.maximumDatagramSize)
  }

  /// Puts a shorter record in the place of one that ``KCPEvent/oversized(_:)`` named.
  ///
  /// Ours is the place on the wire and the number; what is left out is the user's to send anew.
  ///
  /// - Returns: Whether it was needed; if not, the old one has arrived after all.
  @discardableResult
  package mutating func replace(record: RecordNumber, with bytes: ByteBuffer) -> Bool {
    guard bytes.readableBytes <= segmentSize, bytes.readableBytes > 0,
      let number = oversized.removeValue(forKey: record),
      let segment = outgoing[number], !segment.isAcknowledged
    else { return false }
    outgoing.replacePayload(of: number, with: bytes)
    outgoing.setWaiting(true, number)
    lost.append(number)
    return true
  }

  /// After idleness or a refused offer, tells the measurements that the application is the limit.
  mutating func closeOffer() {
    guard isOfferOpen else { return }
    isOfferOpen = false
    log.noteApplicationLimit()
  }

  /// Tells the peer that the window, which it knows as nearly shut, is open, and again in case this
  /// is lost.
  private mutating func tellOpenedWindow(at now: Instant) {
    let window = incoming.advertised
    if toldWindow == 0, window > 0 {
      mustTellWindow = true
      reminders = KCPLimits.windowReminders
      reminderDeadline = now + reminderInterval
      toldWindow = window
    } else if Int(toldWindow) < incoming.size / 4, Int(window) >= incoming.size / 2 {
      mustTellWindow = true
      toldWindow = window
    }
  }

  var reminderInterval: Span {
    min(max(roundTrip.expected * 2, .milliseconds(20)), KCPLimits.probeInterval)
  }
}
