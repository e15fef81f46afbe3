import HawserPrimitives

/// The credit of a session as a whole, in both directions, in bytes of stream data.
struct SessionCredit {
  private let window: UInt64

  /// Highest offsets received over all streams, added up.
  private(set) var received: UInt64 = 0
  /// Of those, read or discarded.
  private(set) var consumed: UInt64 = 0
  /// What the peer may send in all, as last announced.
  private(set) var announced: UInt64

  /// Bytes sent for the first time.
  private(set) var sent: UInt64 = 0
  /// What may be sent in all.
  private(set) var granted: UInt64

  /// Credit of streams above their initial one.
  var growth = 0

  init(window: UInt64, granted: UInt64) {
    self.window = window
    announced = window
    self.granted = granted
  }

  /// Bytes that may be sent for the first time.
  var available: UInt64 { granted - min(sent, granted) }

  mutating func receive(_ bytes: UInt64) throws(SessionViolation) {
    guard received + bytes <= announced else { throw .sessionCreditExceeded }
    received += bytes
  }

  mutating func consume(_ bytes: UInt64) {
    consumed += bytes
    assert(consumed <= received)
  }

  /// Whether so much was read since the last announcement that another one is due.
  var isDue: Bool { consumed + window >= announced + window / 4 }

  /// The limit to announce now.
  mutating func announce() -> UInt64 {
    announced = consumed + window
    return announced
  }

  mutating func send(_ bytes: UInt64) {
    sent += bytes
    assert(sent <= granted)
  }

  /// - Returns: Whether that is more than before.
  mutating func raise(to limit: UInt64) -> Bool {
    guard limit > granted else { return false }
    granted = limit
    return true
  }
}
