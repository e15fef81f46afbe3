package import HawserPrimitives

/// What a link's monitor wants done or known.
package enum LinkMonitorEvent: Sendable, Hashable {
  /// Send a PING of this number.
  case ping(UInt64)
  /// The health changed to this.
  case health(LinkHealth)
  /// There is a new smoothed round trip.
  case roundTrip(Duration)
  /// The link is dead: nothing was heard for so long. Comes once, last.
  case dead(silence: Duration)
}

/// Judges whether the peer and the path to it still live.
///
///                 something outstanding for 3·srtt + 250 ms, nothing reported meanwhile
///     healthy ────────────────────────────────────────────────────────────────────▶ suspect
///        ▲                                                                             │
///        └──────────────────────── a report or a PONG ─────────────────────────────────┤
///                                                                                      ▼
///                    nothing at all heard for 10 s, or idle for 3 heartbeats + 10 s: dead
///
/// *Outstanding* is a record that the peer has not reported or a PING that it has not answered.
/// Silence counts only while this process could have heard something: a deadline that is reached
/// more than a second late (the process was stopped, the machine asleep) starts a new period with a
/// new PING instead of a verdict.
package struct LinkMonitor {
  /// What the link's health is.
  package private(set) var health = LinkHealth.healthy

  private var heartbeat = TransportLimits.initialHeartbeat
  private var estimator = RoundTripEstimator()
  private var isDead = false
  private let deadTime: Duration

  /// Ages are counted from here at the earliest: the link's begin, the end of a suspension.
  private var periodStart: Instant
  private var lastHeard: Instant
  private var lastReport: Instant
  private var lastSample: Instant?
  private var lastLook: Instant
  private var oldestRecord: Instant?

  private var lastPing: UInt64 = 0
  private var lastPingAt: Instant?
  private var unansweredSince: Instant?

  private var pendingPing: UInt64?
  private var pendingHealth: LinkHealth?
  private var pendingRoundTrip: Duration?
  private var pendingDeath: Duration?

  /// - Parameters:
  ///   - deadTime: The silence after which the link is dead although something is outstanding.
  ///   - now: When the link began; nothing is judged before ``begin(at:)``.
  package init(deadTime: Duration = TransportLimits.deadTime, at now: Instant) {
    self.deadTime = deadTime
    periodStart = now
    lastHeard = now
    lastReport = now
    lastLook = now
  }

  /// The link is secured: judges from now on. Asks for a PING at once, for the first sample of the
  /// round trip.
  package mutating func begin(at now: Instant) {
    periodStart = now
    lastHeard = now
    lastReport = now
    lastLook = now
    sendPing(at: now)
  }

  /// The smoothed round trip, `nil` before the first sample.
  package var smoothedRoundTrip: Duration? { estimator.smoothed }

  /// Sets the PING interval, clamped to ``TransportLimits/heartbeatRange``.
  package mutating func setHeartbeat(_ interval: Duration) {
    let range = TransportLimits.heartbeatRange
    heartbeat = min(max(interval, range.lowerBound), range.upperBound)
  }

  /// Whether a PING waits for its answer.
  package var awaitsPong: Bool { unansweredSince != nil }

  // What happened on the link.

  /// Bytes arrived from the peer, of whatever kind.
  package mutating func heard(at now: Instant) {
    lastHeard = now
  }

  /// A record was sent.
  package mutating func recordSent(at now: Instant) {
    if oldestRecord == nil { oldestRecord = now }
  }

  /// The peer reported records.
  ///
  /// - Parameters:
  ///   - oldest: When the oldest record that remains unreported was sent.
  ///   - sample: A sample of the round trip, if the report is one.
  ///   - now: When the report came.
  package mutating func reported(oldest: Instant?, sample: Duration?, at now: Instant) {
    oldestRecord = oldest
    lifeProved(at: now)
    if let sample { take(sample, at: now) }
  }

  /// A PING went out, which may be later than it was asked for.
  package mutating func pingSent(_ number: UInt64, at now: Instant) {
    if number == lastPing { lastPingAt = now }
  }

  /// The peer answered a PING.
  ///
  /// - Throws: ``RecordFramingViolation/unknownPong(_:)``.
  package mutating func pongReceived(
    _ number: UInt64,
    at now: Instant
  ) throws(RecordFramingViolation) {
    guard number <= lastPing else { throw .unknownPong(number) }
    lifeProved(at: now)
    guard number == lastPing, unansweredSince != nil, let sentAt = lastPingAt else { return }
    unansweredSince = nil
    take(now - sentAt, at: now)
  }

  /// The peer answered a PING of a link that numbers them itself; an answer to any proves life.
  ///
  /// - Parameters:
  ///   - roundTrip: From that PING to its answer.
  ///   - now: When it came.
  package mutating func pongReceived(roundTrip: Duration, at now: Instant) {
    lifeProved(at: now)
    unansweredSince = nil
    take(roundTrip, at: now)
  }

  /// Asks for a sign of life at once.
  package mutating func probe(at now: Instant) {
    guard !isDead else { return }
    sendPing(at: now)
  }

  // Time.

  /// When to call ``deadlineReached(at:)``.
  package var nextDeadline: Instant? {
    guard !isDead else { return nil }
    var next = deadAt
    if let pingAt { next = min(next, pingAt) }
    if let suspectAt { next = min(next, suspectAt) }
    // Looking often keeps "late" meaningful: otherwise a suspension that ends before a far
    // deadline would pass unnoticed, and count as the peer's silence.
    if health == .suspect { next = min(next, lastLook + TransportLimits.suspectLookInterval) }
    return next
  }

  /// Judges; call it at ``nextDeadline`` or whenever. Then drain ``nextEvent()``.
  package mutating func deadlineReached(at now: Instant) {
    guard let deadline = nextDeadline, deadline <= now else { return }
    lastLook = now
    if now - deadline > TransportLimits.suspensionThreshold {
      periodStart = now
      sendPing(at: now)
      return
    }
    if deadAt <= now {
      isDead = true
      pendingDeath = now - max(lastHeard, periodStart)
      return
    }
    if let suspectAt, suspectAt <= now { become(.suspect) }
    if let pingAt, pingAt <= now { sendPing(at: now) }
  }

  /// What is to be done or known next.
  package mutating func nextEvent() -> LinkMonitorEvent? {
    if let number = pendingPing {
      pendingPing = nil
      return .ping(number)
    }
    if let roundTrip = pendingRoundTrip {
      pendingRoundTrip = nil
      return .roundTrip(roundTrip)
    }
    if let health = pendingHealth {
      pendingHealth = nil
      return .health(health)
    }
    if let silence = pendingDeath {
      pendingDeath = nil
      return .dead(silence: silence)
    }
    return nil
  }

  private var outstandingSince: Instant? {
    switch (oldestRecord, unansweredSince) {
    case (let record?, let ping?): min(record, ping)
    case (let record, let ping): record ?? ping
    }
  }

  private var suspectAt: Instant? {
    guard health == .healthy, let outstandingSince else { return nil }
    let roundTrip = estimator.smoothed ?? TransportLimits.initialRoundTrip
    // Each report proves progress and starts the time anew: on a slow link that is busy the oldest
    // record is always old. The peer may hold a report back for the report delay.
    return max(outstandingSince, lastReport, periodStart)
      + roundTrip * TransportLimits.suspectRoundTrips
      + TransportLimits.suspectMargin + TransportLimits.reportDelay
  }

  private var deadAt: Instant {
    let idle =
      max(lastHeard, periodStart)
      + heartbeat * TransportLimits.deadHeartbeats + deadTime
    guard let outstandingSince else { return idle }
    return min(idle, max(lastHeard, outstandingSince, periodStart) + deadTime)
  }

  /// `nil` while one is under way: TCP sends it again by itself.
  private var pingAt: Instant? {
    guard unansweredSince == nil else { return nil }
    let proveLife = max(lastHeard, periodStart) + heartbeat
    guard let lastSample else { return proveLife }
    return min(proveLife, lastSample + TransportLimits.roundTripAge)
  }

  private mutating func lifeProved(at now: Instant) {
    lastReport = now
    become(.healthy)
  }

  private mutating func become(_ health: LinkHealth) {
    guard health != self.health else { return }
    self.health = health
    pendingHealth = health
  }

  private mutating func take(_ sample: Duration, at now: Instant) {
    lastSample = now
    estimator.add(sample)
    pendingRoundTrip = estimator.smoothed
  }

  private mutating func sendPing(at now: Instant) {
    lastPing += 1
    lastPingAt = now
    if unansweredSince == nil { unansweredSince = now }
    pendingPing = lastPing
  }
}
