internal import struct HawserPrimitives.Instant

/// Spreads what is sent over time, so that a burst of ours does not overflow a queue.
///
/// A schedule rather than a bucket: each packet moves the time of the next one by what it takes at
/// the present rate. What was not used is lost, but for a short burst.
struct Pacer {
  /// When the next packet may leave.
  private(set) var next = Instant.origin

  /// Whether a packet may leave now.
  func allows(at now: Instant) -> Bool { next <= now }

  /// When it is worth waking up for the next packet: at fast rates, for a few at once.
  var deadline: Instant { next + quantum }

  private var quantum = Span.zero

  /// Notes a packet that leaves now.
  ///
  /// `size`: bytes on the wire.
  /// `rate`: bytes per second; not paced when it is infinite.
  /// `wasIdle`: nothing was in flight before it.
  mutating func spend(_ size: Int, rate: Double, wasIdle: Bool, at now: Instant) {
    guard rate.isFinite, rate > 0 else {
      next = now
      quantum = .zero
      return
    }
    let step = Span(seconds: Double(size) / rate)
    let burst =
      wasIdle
      ? max(KCPLimits.burst, step * Int64(KCPLimits.idleBurstPackets - 1))
      : KCPLimits.burst
    next = max(next, now - burst) + step
    quantum = step < KCPLimits.pacingQuantum ? KCPLimits.pacingQuantum - step : .zero
  }
}
