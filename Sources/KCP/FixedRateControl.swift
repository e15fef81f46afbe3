internal import struct HawserPrimitives.Instant

/// Sends at the rate that it was told: for a path whose rate is known and nobody else's. It gives
/// up where the path loses more than half of it for several seconds, which no corruption explains.
final class FixedRateControl: CongestionController {
  /// Chosen: a path that loses more is not the one that the rate was meant for.
  private static let lossLimit = 0.5
  /// Chosen: a burst of loss or a short blackout is no reason to give up.
  private static let patience = Span.seconds(5)
  /// Chosen: losses are counted over so long.
  private static let period = Span.milliseconds(500)

  let pacingRate: Double
  private(set) var window: Int
  private(set) var hasGivenUp = false
  let state = CongestionState.fixedRate

  private let segmentSize: Int
  private var smoothed: Span?
  private var periodBegan: Instant
  private var delivered = 0
  private var lost = 0
  private var excessSince: Instant?

  /// `bytesPerSecond`: on the wire; at least one segment in a second is sent.
  init(bytesPerSecond: Int, segmentSize: Int, at now: Instant) {
    pacingRate = Double(max(bytesPerSecond, segmentSize))
    self.segmentSize = segmentSize
    // Until a round trip is known: a quarter of a second's worth.
    window = max(bytesPerSecond / 4, KCPLimits.idleBurstPackets * segmentSize)
    periodBegan = now
  }

  func learn(_ report: PathReport) {
    if let sample = report.roundTrip {
      let average = smoothed.map { ($0 * 7 + sample) / 8 } ?? sample
      smoothed = average
      // Twice what the rate needs: for what is lost and not yet known to be, and for jitter.
      let needed = 2 * pacingRate * (average.seconds + KCPLimits.acknowledgementDelay.seconds)
      window = max(Int(needed), KCPLimits.idleBurstPackets * segmentSize)
    }
    delivered += report.delivered
    lost += report.lost
    guard report.now.since(periodBegan) >= Self.period else { return }
    let isExcessive = Double(lost) > Self.lossLimit * Double(lost + delivered)
    if !isExcessive {
      excessSince = nil
    } else if let since = excessSince {
      hasGivenUp = report.now.since(since) >= Self.patience
    } else {
      excessSince = periodBegan
    }
    periodBegan = report.now
    delivered = 0
    lost = 0
  }

  func restart(at now: Instant) {
    excessSince = nil
    delivered = 0
    lost = 0
    periodBegan = now
  }
}
