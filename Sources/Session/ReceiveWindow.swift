import HawserPrimitives

/// How much credit one receiving direction should have, and what that reserves.
///
/// Everything above the initial credit is reserved with the session and the process before it is
/// announced, so that credit once given is always covered (`PROTOCOL.md`, Credit).
struct ReceiveWindow {
  /// Credit to keep outstanding, in bytes.
  private(set) var size: UInt64
  /// Bytes reserved above the initial credit.
  private(set) var growth = 0
  /// When bytes were last read; a reader that holds growth and reads nothing is *stalled*.
  private(set) var lastRead: Instant

  private let initial: UInt64
  private var lastGrant: Instant?

  init(initial: UInt64, at now: Instant) {
    self.initial = initial
    size = initial
    lastRead = now
  }

  mutating func noteRead(at now: Instant) {
    lastRead = now
  }

  /// The limit to announce, if a grant is due: half of the window has been read.
  func dueGrant(consumed: UInt64, announced: UInt64) -> UInt64? {
    let limit = consumed + size
    return limit >= announced + size / 2 ? limit : nil
  }

  /// Notes a grant at `now`.
  ///
  /// - Returns: Whether the window holds the reader back: two grants within two round trips.
  mutating func grantShowsDemand(at now: Instant, roundTrip: Duration) -> Bool {
    defer { lastGrant = now }
    guard let lastGrant else { return false }
    return now - lastGrant <= roundTrip * 2
  }

  /// Doubles the window; the caller has reserved ``size`` more bytes.
  mutating func double() {
    growth += Int(size)
    size *= 2
  }

  /// Halves the window, but not below the initial one. What was announced stays reserved until it
  /// has been read.
  mutating func halve() {
    size = max(initial, size / 2)
  }

  /// Takes back what is reserved beyond need; returns the bytes to release.
  mutating func releaseUnneeded(consumed: UInt64, announced: UInt64) -> Int {
    let outstanding = announced - min(consumed, announced)
    let needed = Int(max(size, outstanding) - initial)
    guard needed < growth else { return 0 }
    defer { growth = needed }
    return growth - needed
  }

  /// Ends the window; returns the bytes to release.
  mutating func releaseAll() -> Int {
    defer { growth = 0 }
    size = initial
    return growth
  }
}
