import HawserPrimitives

/// A token bucket for frames that spend no credit, so that a peer cannot keep this side busy with
/// statements that cost it nothing.
struct FrameRateLimiter {
  private let burst: Int
  private let perSecond: Int
  private var tokens: Int
  private var refilled: Instant

  init(burst: Int, perSecond: Int, at now: Instant) {
    self.burst = burst
    self.perSecond = perSecond
    tokens = burst
    refilled = now
  }

  /// Takes a token; `false` when there is none.
  mutating func take(at now: Instant) -> Bool {
    if tokens == 0 { refill(at: now) }
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }

  private mutating func refill(at now: Instant) {
    // Whole milliseconds only, so that no fraction of a token is lost.
    let milliseconds = (now - refilled).wholeNanoseconds / 1_000_000
    guard milliseconds > 0 else { return }
    let gained = Int64(perSecond).multipliedReportingOverflow(by: milliseconds)
    tokens = gained.overflow ? burst : Int(min(Int64(burst), gained.partialValue / 1000))
    refilled = refilled + .milliseconds(milliseconds)
  }
}
