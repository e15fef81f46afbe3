internal import struct HawserPrimitives.Instant

/// The round trip as RFC 6298 smooths it, from unambiguous measurements only.
struct RoundTripEstimator {
  /// Nothing until the first measurement.
  private(set) var smoothed: Span?
  private(set) var variation = Span.zero
  private(set) var latest = Span.zero
  /// The shortest one of the last ten seconds or so.
  private(set) var minimum = WindowedMinimum(window: .seconds(10))

  /// The smoothed round trip, or the customary guess before there is one.
  var expected: Span { smoothed ?? KCPLimits.initialRoundTrip }

  /// `sample`: from a transmission to its own acknowledgement; not negative.
  /// `delay`: how long the peer says that it kept the acknowledgement.
  mutating func measure(_ sample: Span, delay: Span, at now: Instant) {
    // RFC 9002 §5.3: the delay may not bring a sample below the minimum.
    let adjusted = max(sample - delay, min(sample, minimum.value ?? sample))
    minimum.insert(adjusted, at: now)
    latest = adjusted
    guard let before = smoothed else {
      smoothed = adjusted
      variation = adjusted / 2
      return
    }
    let deviation = Span(nanoseconds: abs((before - adjusted).nanoseconds))
    variation = (variation * 3 + deviation) / 4
    smoothed = max((before * 7 + adjusted) / 8, .microseconds(1))
  }

  /// RFC 9002 §6.2.1 with RFC 8985 §7.2's shorter bound: when an acknowledgement has certainly been
  /// lost, or what it would acknowledge.
  ///
  /// `peerDelay`: the longest that the peer keeps an acknowledgement.
  func probeTimeout(peerDelay: Span) -> Span {
    guard let smoothed else { return KCPLimits.initialRoundTrip * 2 }
    let margin = max(variation * 4, KCPLimits.granularity) + peerDelay
    return min(max(smoothed * 2, smoothed + KCPLimits.granularity + peerDelay), smoothed + margin)
  }
}

/// The least of the values of a stretch of time, forgotten in two steps: a value counts for at
/// least the window and at most twice as long.
struct WindowedMinimum {
  private let window: Span
  private var current: Span?
  private var previous: Span?
  private var began = Instant.origin

  init(window: Span) {
    self.window = window
  }

  var value: Span? {
    guard let current else { return previous }
    return previous.map { min($0, current) } ?? current
  }

  mutating func insert(_ sample: Span, at now: Instant) {
    if now.since(began) > window {
      previous = current
      current = nil
      began = now
    }
    current = current.map { min($0, sample) } ?? sample
  }
}
