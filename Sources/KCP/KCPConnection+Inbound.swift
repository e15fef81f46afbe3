package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// What the acknowledgements of one datagram tell, taken together.
struct ArrivalBatch {
  var deliveredBefore: Int
  /// The newest transmission that is newly known to have arrived, or -1.
  var newest = -1
  /// It was acknowledged by its own number.
  var isExact = false
  /// The shortest round trip of all of them.
  var roundTrip: Span?
  var found = 0
  /// The highest `una`.
  var unacknowledged: Int
  /// How long the peer kept the newest one's acknowledgement.
  var delay = Span.zero
}

extension KCPConnection {
  /// Takes a datagram that has arrived.
  ///
  /// - Throws: What was wrong: the rest of the datagram is ignored, and the connection goes on.
  package mutating func receive(_ datagram: ByteBuffer, at now: Instant) throws(SegmentError) {
    guard !isDead else { return }
    closeOffer()
    var rest = datagram
    var batch = ArrivalBatch(
      deliveredBefore: log.bytesDelivered,
      unacknowledged: outgoing.unacknowledged
    )
    do throws(SegmentError) {
      while rest.readableBytes > 0 {
        try receiveSegment(from: &rest, batch: &batch, at: now)
        lastHeardAt = now
      }
    } catch {
      finish(batch, at: now)
      throw error
    }
    finish(batch, at: now)
  }

  private mutating func receiveSegment(
    from datagram: inout ByteBuffer,
    batch: inout ArrivalBatch,
    at now: Instant
  ) throws(SegmentError) {
    let command: UInt8? = datagram.getInteger(at: datagram.readerIndex + 4)
    if acknowledgements.format == .ranges, command == SegmentCommand.acknowledgeRanges.rawValue {
      let told = try RangeAcknowledgement(from: &datagram, of: configuration.conversationID)
      takeWindow(told.unacknowledged, size: told.window, batch: &batch)
      take(told, batch: &batch, at: now)
      return
    }
    let header = try SegmentHeader(from: &datagram, of: configuration.conversationID)
    guard let payload = datagram.readSlice(length: Int(header.length)) else { throw .truncated }
    if header.command == .acknowledgeRanges {
      throw .unknownCommand(SegmentCommand.acknowledgeRanges.rawValue)
    }
    takeWindow(header.unacknowledged, size: header.window, batch: &batch)
    switch header.command {
    case .push: take(header, payload, at: now)
    case .acknowledge: take(acknowledgement: header, batch: &batch, at: now)
    case .askWindow: mustTellWindow = true
    case .tellWindow, .acknowledgeRanges: break
    }
  }

  /// Notes `una` and `wnd`, unless `una` covers what was never sent.
  private mutating func takeWindow(_ wire: UInt32, size: UInt16, batch: inout ArrivalBatch) {
    let unacknowledged = unwrap(wire, near: outgoing.unacknowledged)
    guard unacknowledged <= outgoing.next else {
      counters.nonsenseAcknowledgements += 1
      return
    }
    batch.unacknowledged = max(batch.unacknowledged, unacknowledged)
    peerWindow.update(unacknowledged: unacknowledged, size: Int(size))
  }

  // MARK: - Data

  private mutating func take(_ header: SegmentHeader, _ payload: ByteBuffer, at now: Instant) {
    let number = unwrap(header.sequenceNumber, near: incoming.next)
    let end = incoming.end
    let verdict = incoming.insert(
      payload,
      fragment: header.fragment,
      timestamp: header.timestamp,
      at: number
    )
    switch verdict {
    case .accepted:
      counters.segmentsReceived += 1
      reminders = 0
      reminderDeadline = nil
      guard configuration.service != .records else { return }
      note(number, header.timestamp, isNotable: number != end, at: now)
    case .duplicate:
      counters.duplicatesReceived += 1
      note(number, header.timestamp, isNotable: true, at: now)
    case .pending: counters.duplicatesReceived += 1
    case .refused: counters.segmentsRefused += 1
    }
  }

  /// Acknowledges a record that the user has just taken.
  mutating func acknowledge(_ number: Int, timestamp: UInt32, at now: Instant) {
    note(number, timestamp, isNotable: number != takenEnd, at: now)
    takenEnd = max(takenEnd, number + 1)
  }

  private mutating func note(_ number: Int, _ timestamp: UInt32, isNotable: Bool, at now: Instant) {
    // A stock sender counts acknowledgements to find what is lost; ours reads them.
    let isOpen = acknowledgements.format == .segments && incoming.hasHole && number >= incoming.next
    acknowledgements.note(
      segment: number,
      timestamp: timestamp,
      isNotable: isNotable,
      isUrgent: isNotable || isOpen,
      delay: acknowledgementDelay,
      at: now
    )
  }

  // MARK: - Acknowledgements

  private mutating func take(
    acknowledgement header: SegmentHeader,
    batch: inout ArrivalBatch,
    at now: Instant
  ) {
    let segment = unwrap(header.sequenceNumber, near: outgoing.unacknowledged)
    guard segment < outgoing.next else {
      counters.nonsenseAcknowledgements += 1
      return
    }
    guard let number = transmission(of: segment, timestamp: header.timestamp) else {
      // Sent so long ago that it is forgotten, or nonsense; only the former is still in the window.
      if outgoing.contains(segment), configuration.timestamps == .milliseconds {
        arriveSomehow(segment, batch: &batch)
      } else if outgoing.contains(segment) {
        counters.nonsenseAcknowledgements += 1
      }
      return
    }
    arrive(number, batch: &batch, at: now)
  }

  private mutating func take(
    _ told: RangeAcknowledgement,
    batch: inout ArrivalBatch,
    at now: Instant
  ) {
    var lowest = Int.max
    for (index, range) in told.ranges.enumerated() {
      let newest = unwrap(range.newest, near: log.next - 1)
      guard newest < log.next else {
        counters.nonsenseAcknowledgements += 1
        return
      }
      lowest = newest - Int(range.length) + 1
      if index == 0 { batch.delay = .microseconds(Int64(told.delay) * 8) }
      var number = newest
      while number >= max(lowest, log.oldestInFlight) {
        if log[number]?.fate == .inFlight || log[number]?.fate == .lost {
          arrive(number, batch: &batch, at: now)
        }
        number -= 1
      }
    }
    findLate(told.ranges, from: lowest, batch: &batch, at: now)
  }

  /// Looks among what was taken for lost for what the ranges say has arrived.
  private mutating func findLate(
    _ ranges: [RangeAcknowledgement.Range],
    from lowest: Int,
    batch: inout ArrivalBatch,
    at now: Instant
  ) {
    var index = recentlyLost.count - 1
    while let number = recentlyLost[index], number >= lowest {
      index -= 1
      guard log[number]?.fate == .lost else { continue }
      let wire = UInt32(truncatingIfNeeded: number)
      // Sequence arithmetic: below the newest of the range by less than its length.
      if ranges.contains(where: { $0.newest &- wire < $0.length }) {
        arrive(number, batch: &batch, at: now)
      }
    }
  }

  /// The transmission that an acknowledgement of a segment is about.
  private func transmission(of segment: Int, timestamp: UInt32) -> Int? {
    switch configuration.timestamps {
    case .transmissionNumber:
      let number = unwrap(timestamp, near: log.next - 1)
      return log[number]?.segment == segment ? number : nil
    case .milliseconds:
      var number = outgoing[segment]?.latest ?? -1
      while let transmission = log[number] {
        if Self.milliseconds(transmission.sentAt) == timestamp { return number }
        number = transmission.previous
      }
      return nil
    }
  }

  /// A transmission has arrived, and its own acknowledgement says so.
  private mutating func arrive(_ number: Int, batch: inout ArrivalBatch, at now: Instant) {
    guard let transmission = log[number], let before = log.deliver(number), before != .delivered
    else { return }
    if before == .inFlight {
      controller.settle(bytes: transmission.size, epoch: transmission.epoch, isLost: false)
    } else {
      batch.found += number < blackoutEnd ? 0 : transmission.size
      counters.spuriousLosses += 1
    }
    if number <= log.newestDelivered { detection.noteLateArrival(transmission, at: now) }
    let sample = now.since(transmission.sentAt)
    batch.roundTrip = batch.roundTrip.map { min($0, sample) } ?? sample
    if number > batch.newest {
      batch.newest = number
      batch.isExact = true
    }
    acknowledgeSegment(transmission.segment)
  }

  /// A segment has arrived, and it is not known by which of its transmissions.
  private mutating func arriveSomehow(_ segment: Int, batch: inout ArrivalBatch) {
    guard let outgoing = outgoing[segment], !outgoing.isAcknowledged else { return }
    let number = outgoing.latest
    if let transmission = log[number], let before = log.deliver(number), before != .delivered {
      if before == .inFlight {
        controller.settle(bytes: transmission.size, epoch: transmission.epoch, isLost: false)
      }
      if before == .lost { batch.found += number < blackoutEnd ? 0 : transmission.size }
      // With several transmissions the oldest may have been the one that arrived.
      if outgoing.transmissions == 1, number > batch.newest {
        batch.newest = number
        batch.isExact = false
      }
    }
    acknowledgeSegment(segment)
  }

  private mutating func acknowledgeSegment(_ number: Int) {
    let size = outgoing[number]?.payload.readableBytes ?? 0
    guard let record = outgoing.acknowledge(number) else { return }
    counters.bytesDelivered += size
    guard configuration.service == .records else { return }
    if !oversized.isEmpty { oversized[record] = nil }
    events.append(.delivered(record))
  }

  // MARK: - The end of a datagram

  private mutating func finish(_ told: ArrivalBatch, at now: Instant) {
    var batch = told
    while outgoing.unacknowledged < batch.unacknowledged {
      arriveSomehow(outgoing.unacknowledged, batch: &batch)
    }
    if log.bytesDelivered > batch.deliveredBefore {
      learn(batch, at: now)
    } else {
      detectLosses(PathReport(now: now), at: now)
    }
    if outgoing.span == 0, queue.isEmpty { waitingSince = nil }
    scheduleProbe(at: now)
  }

  private mutating func learn(_ batch: ArrivalBatch, at now: Instant) {
    if detection.probes >= KCPLimits.blackoutProbes {
      counters.blackouts += 1
      blackoutEnd = log.next
      controller.restart(at: now)
    }
    detection.endSilence()
    var report = PathReport(now: now)
    report.delivered = log.bytesDelivered - batch.deliveredBefore
    report.found = batch.found
    if let sample = batch.roundTrip {
      report.roundTrip = max(sample - batch.delay, .microseconds(1))
    }
    if let newest = log[batch.newest] {
      // When it arrived there, rather than when the peer found time to say so.
      report.rate = rateSample(of: newest, at: now - batch.delay)
      if batch.isExact {
        let isNewest = batch.newest > log.newestDelivered
        if isNewest { detection.noteNewestArrival(newest, at: now) }
        if isNewest { roundTrip.measure(now.since(newest.sentAt), delay: batch.delay, at: now) }
      }
      log.noteArrival(of: batch.newest, at: now - batch.delay)
    }
    report.totalDelivered = log.bytesDelivered
    detectLosses(report, at: now)
  }

  private func rateSample(of newest: Transmission, at now: Instant) -> RateSample? {
    let start = newest.arrival
    let interval = max(now.since(start.at), newest.sentAt.since(start.sentAt))
    guard interval > .zero, newest.sentThrough > start.sentThrough else { return nil }
    return RateSample(
      interval: interval,
      sent: newest.sentThrough - start.sentThrough,
      delivered: log.bytesDelivered - start.delivered,
      deliveredBefore: start.delivered,
      sentThrough: newest.sentThrough,
      isApplicationLimited: newest.isApplicationLimited
    )
  }
}
