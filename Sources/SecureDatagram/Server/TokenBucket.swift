internal import HawserPrimitives

/// So many things a second, and so many at once.
struct TokenBucket {
  private let perSecond: Double
  private let burst: Double
  private var tokens: Double
  private var updated: Instant

  init(perSecond: Int, burst: Int, at now: Instant) {
    self.perSecond = Double(perSecond)
    self.burst = Double(burst)
    tokens = Double(burst)
    updated = now
  }

  /// - Returns: Whether there was one.
  mutating func take(at now: Instant) -> Bool {
    let passed = Double(max(0, (now - updated).wholeNanoseconds)) / 1e9
    tokens = min(burst, tokens + passed * perSecond)
    updated = max(updated, now)
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
