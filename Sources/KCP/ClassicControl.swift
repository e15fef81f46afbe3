internal import struct HawserPrimitives.Instant

/// The window of ikcp.c (`nocwnd` 0), which is TCP Reno's, in bytes: doubles in a round trip up to
/// its threshold, then grows by a segment, and halves when something was lost.
///
/// Our sender spreads it over a round trip instead of sending it in bursts.
final class ClassicControl: CongestionController {
  private let segmentSize: Int
  private(set) var window: Int
  private var threshold = Int.max
  private var roundTrip = Span.zero
  private var credit = 0
  /// The window was cut for losses among what had been delivered up to here.
  private var recoveryEnd = 0

  init(segmentSize: Int) {
    self.segmentSize = segmentSize
    window = segmentSize * KCPLimits.idleBurstPackets
  }

  var pacingRate: Double {
    guard roundTrip > .zero else { return .infinity }
    let gain = window < threshold ? 2.0 : 1.2
    // A round trip of many seconds was a blackout's; it is found out faster than it lasted.
    return gain * Double(window) / min(roundTrip.seconds, 1)
  }

  var state: CongestionState { window < threshold ? .slowStart : .avoidance }

  func learn(_ report: PathReport) {
    if let sample = report.roundTrip {
      roundTrip = roundTrip == .zero ? sample : (roundTrip * 7 + sample) / 8
    }
    if report.lost > 0, report.totalDelivered >= recoveryEnd {
      recoveryEnd = report.totalDelivered + report.inFlight
      threshold = max(window / 2, 2 * segmentSize)
      window = threshold
      return
    }
    // Not while the application leaves the window unused.
    guard report.inFlight + report.delivered + segmentSize >= window / 2 else { return }
    if window < threshold {
      window += report.delivered
    } else {
      credit += report.delivered
      if credit >= window {
        credit -= window
        window += segmentSize
      }
    }
  }

  func restart(at now: Instant) {
    threshold = max(window / 2, 2 * segmentSize)
    window = threshold
  }
}

/// ikcp.c without its window (`nocwnd` 1): what the windows of both ends allow, at once.
final class UnlimitedControl: CongestionController {
  let window = Int.max
  let pacingRate = Double.infinity
  let state = CongestionState.fixedRate

  func learn(_ report: PathReport) {}
  func restart(at now: Instant) {}
}
