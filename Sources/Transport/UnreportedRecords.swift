import DequeModule
package import HawserPrimitives

/// The records that were sent on a link and that the peer has not reported yet, in order.
package struct UnreportedRecords {
  private struct Entry {
    let number: RecordNumber
    let bytes: Int
    let sentAt: Instant
  }

  private var entries = Deque<Entry>()
  private var reportedCount: UInt64 = 0

  package init() {}

  /// How many there are.
  package var count: Int { entries.count }

  /// When the oldest one was sent, `nil` when there is none.
  package var oldest: Instant? { entries.first?.sentAt }

  /// Notes a record that goes out now.
  ///
  /// - Parameters:
  ///   - number: The session's number of the record.
  ///   - bytes: The record's length.
  ///   - now: When it was given to the network.
  package mutating func append(_ number: RecordNumber, bytes: Int, at now: Instant) {
    entries.append(Entry(number: number, bytes: bytes, sentAt: now))
  }

  /// Takes the peer's report.
  ///
  /// - Parameters:
  ///   - total: How many records the peer has taken since the link began.
  ///   - now: When the report came.
  ///   - deliver: Called for each record that it covers for the first time, in order.
  /// - Returns: A sample of the round trip, `nil` when the report may have been delayed: only one
  ///   that was due because of its bytes is known to have been sent at once.
  /// - Throws: ``RecordFramingViolation/impossibleReport(_:)``.
  package mutating func report(
    _ total: UInt64,
    at now: Instant,
    deliver: (RecordNumber) -> Void
  ) throws(RecordFramingViolation) -> Duration? {
    guard total >= reportedCount, total - reportedCount <= UInt64(entries.count) else {
      throw .impossibleReport(total)
    }
    var bytes = 0
    var last: Instant?
    for _ in 0..<(total - reportedCount) {
      guard let entry = entries.popFirst() else { break }
      reportedCount += 1
      bytes += entry.bytes
      last = entry.sentAt
      deliver(entry.number)
    }
    guard let last, bytes >= TransportLimits.reportBytes else { return nil }
    return now - last
  }
}
