package import HawserPrimitives

extension KCPConnection {
  /// When ``deadlineReached(at:)`` is to be called; `nil` when nothing is awaited. Not before the
  /// present when something can be sent at once: drain ``nextTransmission(into:at:)`` first.
  package var nextDeadline: Instant? {
    guard !isDead else { return nil }
    var earliest: Instant?
    func include(_ instant: Instant?) {
      guard let instant else { return }
      earliest = earliest.map { min($0, instant) } ?? instant
    }
    include(acknowledgements.deadline)
    include(detection.deadline)
    include(detection.probeDeadline)
    include(reminderDeadline)
    include(windowProbeDeadline)
    include(deathDeadline)
    if isHeldByPacing { include(pacer.deadline) }
    return earliest
  }

  /// Does what is due; then ``nextTransmission(into:at:)`` may have something.
  package mutating func deadlineReached(at now: Instant) {
    guard !isDead else { return }
    closeOffer()
    if let death = deathDeadline, death <= now { return die(.silence) }
    if let due = detection.deadline, due <= now {
      detectLosses(PathReport(now: now), at: now)
      scheduleProbe(at: now)
    }
    if detection.takeProbe(at: now) { probe(at: now) }
    if peerWindow.takeProbe(at: now) { mustAskWindow = true }
    scheduleWindowProbe(at: now)
    if let due = reminderDeadline, due <= now {
      reminders -= 1
      mustTellWindow = true
      reminderDeadline = reminders > 0 ? now + reminderInterval : nil
    }
  }

  /// `ts` in milliseconds, for ports that read it.
  static func milliseconds(_ instant: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: instant.nanoseconds / 1_000_000)
  }

  // MARK: - Loss

  /// Finds what is lost, and tells the congestion control this and what else there is to tell.
  mutating func detectLosses(_ told: PathReport, at now: Instant) {
    var report = told
    var found: [Int] = []
    detection.detect(in: &log, roundTrip: roundTrip, at: now) { found.append($0) }
    for number in found {
      guard let transmission = log[number] else { continue }
      let isOfBlackout = number < blackoutEnd
      if !isOfBlackout { report.lost += transmission.size }
      controller.settle(
        bytes: transmission.size,
        epoch: transmission.epoch,
        isLost: !isOfBlackout
      )
      counters.losses += 1
      noteLost(number)
      // A copy is enough: only the newest transmission's loss means that the segment is lost.
      guard let segment = outgoing[transmission.segment], segment.latest == number,
        !segment.isAcknowledged, !segment.isWaiting
      else { continue }
      outgoing.setWaiting(true, transmission.segment)
      lost.append(transmission.segment)
    }
    guard report.delivered > 0 || report.lost > 0 || report.found > 0 else { return }
    report.inFlight = log.bytesInFlight
    report.totalDelivered = log.bytesDelivered
    controller.learn(report)
    if controller.hasGivenUp { die(.rateNotCarried) }
  }

  private mutating func noteLost(_ number: Int) {
    recentlyLost.append(number)
    while let oldest = recentlyLost.first, oldest < number - KCPLimits.rememberedLosses {
      _ = recentlyLost.popFirst()
    }
  }

  // MARK: - Silence

  /// Sets the time of the next probe by what is under way.
  mutating func scheduleProbe(at now: Instant) {
    detection.schedule(
      waitsSince: oldestWait,
      roundTrip: roundTrip,
      peerDelay: peerDelay,
      at: now
    )
    scheduleWindowProbe(at: now)
  }

  /// Of many transmissions later ones soon tell of a loss; of few, the oldest is waited for.
  private var oldestWait: Instant? {
    guard log.countInFlight > 0 else { return nil }
    guard log.countInFlight <= KCPLimits.thinFlight else { return lastSentAt }
    return log[log.oldestInFlight]?.sentAt ?? lastSentAt
  }

  /// The lowest hole, because the peer waits for it, and the newest segment, whose acknowledgement
  /// tells of all that is lost below. Where everything has arrived, only copies are under way whose
  /// acknowledgements were lost: they must not hold up what is new.
  private mutating func probe(at now: Instant) {
    guard let lowest = lowestMissing else { return log.forgetFlight() }
    probes.append(lowest)
    let newest = outgoing.next - 1
    guard newest != lowest, let segment = outgoing[newest], !segment.isAcknowledged,
      let sentAt = log[segment.latest]?.sentAt, now.since(sentAt) > roundTrip.expected
    else { return }
    probes.append(newest)
  }

  private var lowestMissing: Int? {
    outgoing.span > 0 ? outgoing.unacknowledged : nil
  }

  // MARK: - The peer's window

  private mutating func scheduleWindowProbe(at now: Instant) {
    windowProbeDeadline = peerWindow.probeDeadline(
      isWaiting: isHeldByPeer,
      roundTrip: roundTrip.expected,
      at: now
    )
  }

  /// Data waits, nothing is under way, and the peer does not let us send.
  private var isHeldByPeer: Bool {
    !queue.isEmpty && log.countInFlight == 0 && outgoing.next >= peerWindow.limit
  }

  // MARK: - Death

  private var deathDeadline: Instant? {
    guard let waitingSince else { return nil }
    return max(waitingSince, lastHeardAt) + configuration.deadAfter
  }

  private mutating func die(_ death: KCPDeath) {
    isDead = true
    events.append(.dead(death))
  }

  /// Something waits for nothing but the pacing.
  private var isHeldByPacing: Bool {
    if owesOffer { return true }
    guard !lost.isEmpty || !duplicates.isEmpty || !queue.isEmpty else { return false }
    let size = lost.isEmpty ? (queue.first?.payload.readableBytes ?? 0) : segmentSize
    return lost.isEmpty && duplicates.isEmpty
      ? hasWindow(for: size) : hasCongestionWindow(for: size)
  }
}
