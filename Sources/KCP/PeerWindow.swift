internal import struct HawserPrimitives.Instant

/// How far the peer lets us send, guarded against segments that the network has reordered, and when
/// to ask again while it is shut.
struct PeerWindow {
  /// The highest `una` that came with a window.
  private(set) var unacknowledged: Int
  /// Segments from there.
  private(set) var size: Int
  /// The largest window that the peer ever told: what it can assemble. Until it tells one, the one
  /// that is customary.
  private(set) var largest: Int
  private var isTold = false
  private var nextProbe: Instant?
  private var probes = 0
  /// Since when nothing but a shut window holds us up.
  private var shutSince = Instant.origin

  init(first: Int, size: Int) {
    unacknowledged = first
    self.size = size
    largest = size
  }

  /// The first segment that must not be sent.
  var limit: Int { unacknowledged + size }

  /// Takes what a segment tells (RFC 9293 §3.10.7.4, in the place of WL1 and WL2).
  ///
  /// A peer's window never shrinks while its `una` stays: it delivers in order, so a slot is taken
  /// only by a segment that `una` then covers. So of two with the same `una` the wider is newer.
  ///
  /// `unacknowledged`: at most the next number to send.
  mutating func update(unacknowledged: Int, size: Int) {
    guard unacknowledged >= self.unacknowledged else { return }
    if !isTold {
      isTold = true
      largest = size
    }
    if unacknowledged == self.unacknowledged, size <= self.size { return }
    self.unacknowledged = unacknowledged
    self.size = size
    largest = max(largest, size)
    if size > 0 {
      nextProbe = nil
      probes = 0
    }
  }

  /// When to ask, while the window is shut and data waits.
  mutating func probeDeadline(isWaiting: Bool, roundTrip: Span, at now: Instant) -> Instant? {
    guard isWaiting else {
      nextProbe = nil
      probes = 0
      return nil
    }
    if let nextProbe { return nextProbe }
    if probes == 0 { shutSince = now }
    let backoff = max(roundTrip, .milliseconds(10)) * Int64(1 << min(probes, 8))
    let isEager = now.since(shutSince) < KCPLimits.eagerProbing
    let ceiling = isEager ? KCPLimits.probeInterval : KCPLimits.patientProbeInterval
    let interval = isEager ? min(backoff, ceiling) : ceiling
    nextProbe = now + interval
    return nextProbe
  }

  /// Whether it is time to ask; asking is what the caller does then.
  mutating func takeProbe(at now: Instant) -> Bool {
    guard let due = nextProbe, due <= now else { return false }
    nextProbe = nil
    probes += 1
    return true
  }
}
