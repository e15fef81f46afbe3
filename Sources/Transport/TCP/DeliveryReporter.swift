package import HawserPrimitives

/// Decides when to tell the peer how many of its records were taken (ACK).
package struct DeliveryReporter {
  private var taken: UInt64 = 0
  private var reported: UInt64 = 0
  private var unreportedBytes = 0
  private var firstUnreported: Instant?

  package init() {}

  /// Notes a record that the user has taken.
  package mutating func took(bytes: Int, at now: Instant) {
    taken += 1
    unreportedBytes += bytes
    if firstUnreported == nil { firstUnreported = now }
  }

  /// When a report is due, `nil` when everything is reported. In the past if the bytes demand it.
  package var nextDeadline: Instant? {
    guard let firstUnreported else { return nil }
    if unreportedBytes >= TransportLimits.reportBytes { return firstUnreported }
    return firstUnreported + TransportLimits.reportDelay
  }

  /// Whether a report must go out now, even alone.
  package func isDue(at now: Instant) -> Bool {
    nextDeadline.map { $0 <= now } ?? false
  }

  /// Takes the report that is to be sent: with a batch of records at any time, alone when it is
  /// due.
  ///
  /// - Returns: The records taken since the link began, `nil` when the peer knows that already.
  package mutating func takeReport() -> UInt64? {
    guard reported != taken else { return nil }
    reported = taken
    unreportedBytes = 0
    firstUnreported = nil
    return taken
  }
}
