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
  /// How many of the first entries are reported and not yet taken by ``nextDelivered()``.
  private var delivered = 0

  package init() {}

  /// How many there are.
  package var count: Int { entries.count - delivered }

  /// When the oldest one was sent, `nil` when there is none.
  package var oldest: Instant? { count > 0 ? entries[delivered].sentAt : nil }

  /// Notes a record that goes out now.
  ///
  /// - Parameters:
  ///   - number: The session's number of the record.
  ///   - bytes: The record's length.
  ///   - now: When it was given to the network.
  package mutating func append(_ number: RecordNumber, bytes: Int, at now: Instant) {
    entries.append(Entry(number: number, bytes: bytes, sentAt: now))
  }

  /// Takes the peer's report; the records that it covers for the first time then come out of
  /// ``nextDelivered()``.
  ///
  /// - Parameters:
  ///   - total: How many records the peer has taken since the link began.
  ///   - now: When the report came.
  /// - Returns: A sample of the round trip, `nil` when the report may have been delayed: only one
  ///   that was due because of its bytes is known to have been sent at once.
  /// - Throws: ``RecordFramingViolation/impossibleReport(_:)``.
  /// - Complexity: O(*n*) in the records that the report covers.
  package mutating func report(
    _ total: UInt64,
    at now: Instant
  ) throws(RecordFramingViolation) -> Duration? {
    guard total >= reportedCount, total - reportedCount <= UInt64(count) else {
      throw .impossibleReport(total)
    }
    let covered = entries[delivered..<(delivered + Int(total - reportedCount))]
    reportedCount = total
    delivered += covered.count
    guard let last = covered.last else { return nil }
    let bytes = covered.reduce(0) { $0 + $1.bytes }
    return bytes >= TransportLimits.reportBytes ? now - last.sentAt : nil
  }

  /// The next record that the peer has taken, each once, in order.
  package mutating func nextDelivered() -> RecordNumber? {
    guard delivered > 0, let entry = entries.popFirst() else { return nil }
    delivered -= 1
    return entry.number
  }
}
