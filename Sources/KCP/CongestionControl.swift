internal import struct HawserPrimitives.Instant

/// What an acknowledgement, or a timer, told of the path.
struct PathReport {
  var now: Instant
  /// The shortest round trip among the transmissions that are newly known to have arrived.
  var roundTrip: Span?
  /// Bytes newly known to have arrived.
  var delivered = 0
  /// Bytes that are newly taken for lost.
  var lost = 0
  /// Bytes that had been taken for lost and have arrived all the same.
  var found = 0
  /// Bytes whose fate is open, after all this.
  var inFlight = 0
  /// All bytes that have arrived so far.
  var totalDelivered = 0
  /// Of the newest transmission that is newly known to have arrived.
  var rate: RateSample?
}

/// A measurement of what the path carries, over about one round trip that ends with the arrival of
/// one transmission.
struct RateSample {
  /// From the arrival before, or from sending to sending, whichever took longer.
  var interval: Span
  /// Bytes that were sent from one transmission to the other, whatever became of them.
  var sent: Int
  /// Bytes of which it became known that they arrived.
  var delivered: Int
  /// All bytes that were known to have arrived when the transmission left.
  var deliveredBefore: Int
  /// All bytes that had been sent with the transmission.
  var sentThrough: Int
  /// There was not enough to send to fill the path.
  var isApplicationLimited: Bool
}

/// Decides how fast to send and how much may be under way.
///
/// A class: the connection owns one, and nothing else sees it.
protocol CongestionController: AnyObject {
  /// Bytes that may be under way.
  var window: Int { get }
  /// Bytes per second; infinite when nothing is paced.
  var pacingRate: Double { get }
  /// For the operator: what it is doing.
  var state: CongestionState { get }
  /// It gave up because the path does not carry what it was told to send.
  var hasGivenUp: Bool { get }

  /// A mark for what is sent now, which comes back with its fate.
  var epoch: Int { get }

  /// Data leaves.
  func send(bytes: Int, inFlight: Int, at now: Instant)
  /// A transmission has arrived or is taken for lost; comes before the report that sums it up.
  func settle(bytes: Int, epoch: Int, isLost: Bool)
  /// Something became known of the path.
  func learn(_ report: PathReport)
  /// The path carried nothing for a while, and does now.
  func restart(at now: Instant)
}

extension CongestionController {
  var hasGivenUp: Bool { false }
  var epoch: Int { 0 }
  func send(bytes: Int, inFlight: Int, at now: Instant) {}
  func settle(bytes: Int, epoch: Int, isLost: Bool) {}
}

/// What a congestion controller is doing, for statistics.
package enum CongestionState: String, Sendable {
  /// Looks for the path's rate.
  case startup
  /// Lets the queue drain that looking has filled.
  case drain
  /// Sends as fast as the path carries.
  case cruise
  /// Looks for more.
  case probeUp
  /// Lets the queue drain that it has filled.
  case probeDown
  /// Measures the path without a queue.
  case probeRoundTrip
  /// Sends at a rate that it was given.
  case fixedRate
  /// Classic: doubles its window in a round trip.
  case slowStart
  /// Classic: grows its window by a segment in a round trip.
  case avoidance
}

/// Which congestion control a connection uses.
package enum CongestionControl: Sendable, Hashable {
  /// Model-based, the default: measures rate and round trip, keeps its queue below one
  /// bandwidth-delay product, is not stopped by loss that corruption explains.
  case bulk
  /// The same, bounded by delay: a shorter queue at the price of some throughput.
  case interactive
  /// ikcp.c's window, which halves on loss (`nocwnd` 0).
  case classic
  /// ikcp.c without it (`nocwnd` 1): all that the windows allow, unpaced.
  case unlimited
  /// What the user says, in bytes per second; gives up where the path loses more than half.
  case fixedRate(bytesPerSecond: Int)

  func controller(segmentSize: Int, seed: UInt64, at now: Instant) -> any CongestionController {
    switch self {
    case .bulk:
      ModelledControl(profile: .bulk, segmentSize: segmentSize, seed: seed, at: now)
    case .interactive:
      ModelledControl(profile: .interactive, segmentSize: segmentSize, seed: seed, at: now)
    case .classic: ClassicControl(segmentSize: segmentSize)
    case .unlimited: UnlimitedControl()
    case .fixedRate(let rate):
      FixedRateControl(bytesPerSecond: rate, segmentSize: segmentSize, at: now)
    }
  }
}
