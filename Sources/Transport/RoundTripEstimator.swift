/// Smooths samples of the round trip (RFC 6298 §2).
package struct RoundTripEstimator {
  /// SRTT, `nil` before the first sample.
  package private(set) var smoothed: Duration?
  /// RTTVAR, `nil` before the first sample.
  package private(set) var variation: Duration?

  package init() {}

  /// Takes a sample; a negative one counts as zero.
  package mutating func add(_ sample: Duration) {
    let sample = max(sample, .zero)
    guard let smoothed, let variation else {
      self.smoothed = sample
      self.variation = sample / 2
      return
    }
    let deviation = sample < smoothed ? smoothed - sample : sample - smoothed
    self.variation = variation - variation / 4 + deviation / 4
    self.smoothed = smoothed - smoothed / 8 + sample / 8
  }
}
