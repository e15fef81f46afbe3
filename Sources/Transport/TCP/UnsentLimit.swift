/// How much the kernel may hold that it has not sent yet (`TCP_NOTSENT_LOWAT`).
///
/// What the kernel holds can't be overtaken by a quiet stream, so it should be what the path takes
/// in a few milliseconds: with a fixed 128 KiB a keystroke waits a second behind a bulk transfer at
/// 1 Mbit/s. The kernel asks for more at half of the limit; the other half keeps the path busy
/// until the loop answers.
package struct UnsentLimit {
  /// The limit in bytes.
  package private(set) var bytes = TransportLimits.unsentBytes.lowerBound

  package init() {}

  /// Adapts to what the kernel knows of the path.
  ///
  /// - Parameters:
  ///   - window: The congestion window in bytes.
  ///   - roundTrip: The kernel's smoothed round trip.
  /// - Returns: Whether the limit has changed enough to tell the kernel.
  package mutating func adapt(window: Int, roundTrip: Duration) -> Bool {
    let roundTrips = TransportLimits.unsentTime / max(roundTrip, .microseconds(1))
    let range = TransportLimits.unsentBytes
    let target = Double(window) * roundTrips
    let clamped = Int(min(max(target, Double(range.lowerBound)), Double(range.upperBound)))
    // A quarter more or less makes no difference that anybody would notice.
    let isEdge = clamped == range.lowerBound || clamped == range.upperBound
    guard clamped != bytes, isEdge || abs(clamped - bytes) > bytes / 4 else { return false }
    bytes = clamped
    return true
  }
}
