internal import struct HawserPrimitives.Instant

/// When a transmission is taken for lost (RFC 8985), and when to probe for lost tails and silence.
///
/// A transmission is lost when a later one has arrived and it has not within the reordering window.
/// Numbers of transmissions tell exactly which one arrived, so lateness is measured rather than
/// guessed, from spurious retransmissions and from reordering that harmed nobody alike.
struct LossDetection {
  /// The newest transmission that arrived: its sending time and its round trip.
  private(set) var newestSentAt = Instant.origin
  private(set) var newestRoundTrip = Span.zero
  /// How much later than the newest one others arrived, at most, of late.
  private var lateness = WindowedMaximum(window: .seconds(5))
  /// When the next transmission would be lost.
  private(set) var deadline: Instant?

  /// Since when nothing was heard while data was under way.
  private(set) var silentSince: Instant?
  /// Probes since then.
  private(set) var probes = 0
  private var lastProbeAt = Instant.origin
  /// The first deadline of a silence; later ones follow from ``probes``.
  private(set) var probeDeadline: Instant?

  /// Notes the arrival of the newest transmission that has arrived.
  mutating func noteNewestArrival(_ transmission: Transmission, at now: Instant) {
    newestSentAt = transmission.sentAt
    newestRoundTrip = now.since(transmission.sentAt)
  }

  /// Notes an arrival after that of a newer transmission.
  mutating func noteLateArrival(_ transmission: Transmission, at now: Instant) {
    let late = now.since(transmission.sentAt) - newestRoundTrip
    if late > .zero { lateness.insert(late, at: now) }
  }

  /// How long after a later transmission a missing one is waited for.
  func reorderingWindow(_ roundTrip: RoundTripEstimator, at now: Instant) -> Span {
    let quarter = (roundTrip.minimum.value ?? roundTrip.expected) / 4
    let measured = lateness.value(at: now).map { $0 + $0 / 8 } ?? .zero
    let ceiling = max(roundTrip.expected.scaled(by: KCPLimits.reorderingRoundTrips), quarter)
    return min(max(quarter, measured, KCPLimits.granularity), ceiling)
  }

  /// Finds what is lost by now.
  ///
  /// `onLoss`: is given the number of each transmission that is taken for lost, the oldest first.
  mutating func detect(
    in log: inout TransmissionLog,
    roundTrip: RoundTripEstimator,
    at now: Instant,
    onLoss: (Int) -> Void
  ) {
    deadline = nil
    let known = newestRoundTrip > .zero ? newestRoundTrip : roundTrip.expected
    let patience = known + reorderingWindow(roundTrip, at: now)
    var number = log.oldestInFlight
    while number < log.newestDelivered {
      defer { number += 1 }
      guard let transmission = log[number], transmission.fate == .inFlight else { continue }
      let due = transmission.sentAt + patience
      guard due <= now else {
        deadline = due
        return
      }
      log.lose(number)
      onLoss(number)
    }
  }

  /// Something was heard that acknowledges data: the silence, if it was one, is over.
  mutating func endSilence() {
    silentSince = nil
    probes = 0
  }

  /// Sets the time of the next probe.
  ///
  /// `waitsSince`: when that was sent whose acknowledgement is awaited; `nil` when nothing is.
  mutating func schedule(
    waitsSince: Instant?,
    roundTrip: RoundTripEstimator,
    peerDelay: Span,
    at now: Instant
  ) {
    guard let waitsSince else {
      probeDeadline = nil
      silentSince = nil
      probes = 0
      return
    }
    let timeout = roundTrip.probeTimeout(peerDelay: peerDelay)
    guard probes > 0, let silentSince else {
      // Where the reordering window runs already, it decides (RFC 8985 §7.2).
      probeDeadline = deadline == nil ? waitsSince + timeout : nil
      return
    }
    let isEager = now.since(silentSince) < KCPLimits.eagerProbing
    // The first probe may have been lost as what it asks for was: that is no reason to wait longer.
    let backoff = timeout * Int64(1 << min(probes - 1, 10))
    let interval =
      isEager ? min(backoff, KCPLimits.probeInterval) : KCPLimits.patientProbeInterval
    probeDeadline = lastProbeAt + interval
  }

  /// Whether it is time to probe; probing is what the caller does then.
  mutating func takeProbe(at now: Instant) -> Bool {
    guard let due = probeDeadline, due <= now else { return false }
    if silentSince == nil { silentSince = now }
    probes += 1
    lastProbeAt = now
    probeDeadline = nil
    return true
  }
}

/// The greatest of the values of a stretch of time, forgotten in two steps: a value counts for at
/// least the window and at most twice as long.
struct WindowedMaximum {
  private let window: Span
  private var current: Span?
  private var previous: Span?
  private var began = Instant.origin

  init(window: Span) {
    self.window = window
  }

  /// Nothing when nothing was inserted of late.
  func value(at now: Instant) -> Span? {
    let age = now.since(began)
    if age > window * 2 { return nil }
    if age > window { return current }
    guard let current else { return previous }
    return previous.map { max($0, current) } ?? current
  }

  mutating func insert(_ sample: Span, at now: Instant) {
    let age = now.since(began)
    if age > window {
      previous = age > window * 2 ? nil : current
      current = nil
      began = now
    }
    current = current.map { max($0, sample) } ?? sample
  }
}
