internal import struct HawserPrimitives.Instant

/// One time that one segment was sent.
struct Transmission {
  enum Fate: UInt8 {
    case inFlight
    case delivered
    case lost
  }

  var sentAt: Instant
  /// The segment's number.
  var segment: Int
  /// The segment's transmission before this one, or -1.
  var previous: Int
  /// Bytes on the wire.
  var size: Int
  /// Bytes sent up to and with this one.
  var sentThrough: Int
  /// What was known to have arrived when this one left: see ``TransmissionLog/arrival``.
  var arrival: Arrival
  /// The congestion control's mark.
  var epoch: Int
  var fate = Fate.inFlight
  /// There was not enough to send to fill the path.
  var isApplicationLimited: Bool
}

/// The newest arrival that was known at a time: where a measurement of the delivery rate begins
/// (draft-cardwell-iccrg-bbr-congestion-control, Delivery Rate Samples).
struct Arrival {
  /// When the acknowledgement came.
  var at: Instant
  /// When the newest transmission that it acknowledged had been sent.
  var sentAt: Instant
  /// Bytes sent up to and with that one.
  var sentThrough: Int
  /// Bytes delivered by then.
  var delivered: Int
}

/// What was sent, when, and what became of it, by transmission number; numbers are given in the
/// order of time. Every operation is O(1), amortised.
struct TransmissionLog {
  private var entries: [Transmission?]
  /// The number of the next transmission.
  private(set) var next: Int
  /// Below this no transmission is in flight.
  private(set) var oldestInFlight: Int
  /// The first number that was ever used.
  private let first: Int
  /// Bytes whose fate is open.
  private(set) var bytesInFlight = 0
  /// Transmissions whose fate is open.
  private(set) var countInFlight = 0
  private(set) var bytesSent = 0
  private(set) var bytesDelivered = 0
  /// The newest transmission that is known to have arrived, or -1.
  private(set) var newestDelivered = -1
  private(set) var arrival = Arrival(at: .origin, sentAt: .origin, sentThrough: 0, delivered: 0)
  /// Until this many bytes are delivered, measurements say what the application had to send.
  private var limitedUntil = 0

  /// - Parameter first: The number of the first transmission.
  init(first: Int) {
    entries = Array(repeating: nil, count: 64)
    next = first
    oldestInFlight = first
    self.first = first
  }

  private var mask: Int { entries.count - 1 }

  /// The transmission with that number, unless it was never sent or has been forgotten.
  subscript(number: Int) -> Transmission? {
    number >= max(first, next - entries.count) && number < next ? entries[number & mask] : nil
  }

  /// Whether there is no room for another one whose fate is open.
  var isFull: Bool { next - oldestInFlight >= KCPLimits.transmissions / 2 }

  /// Notes a transmission that leaves now.
  ///
  /// - Returns: Its number.
  mutating func append(
    segment: Int,
    previous: Int,
    size: Int,
    epoch: Int,
    at now: Instant
  ) -> Int {
    if bytesInFlight == 0 {
      // After idleness there is nothing to measure against but this transmission itself.
      arrival.at = now
      arrival.sentAt = now
      arrival.sentThrough = bytesSent
    }
    // Half of the ring keeps what has been decided, to recognise what was taken for lost.
    if (next - oldestInFlight) * 2 >= entries.count { grow() }
    bytesSent += size
    bytesInFlight += size
    countInFlight += 1
    arrival.delivered = bytesDelivered
    entries[next & mask] = Transmission(
      sentAt: now,
      segment: segment,
      previous: previous,
      size: size,
      sentThrough: bytesSent,
      arrival: arrival,
      epoch: epoch,
      isApplicationLimited: bytesDelivered < limitedUntil
    )
    next += 1
    return next - 1
  }

  /// Notes that a transmission has arrived.
  ///
  /// - Returns: What it was taken for before; `nil` if it is unknown.
  mutating func deliver(_ number: Int) -> Transmission.Fate? {
    guard let before = self[number]?.fate, before != .delivered else { return self[number]?.fate }
    let size = entries[number & mask]?.size ?? 0
    entries[number & mask]?.fate = .delivered
    bytesDelivered += size
    if before == .inFlight { leaveFlight(size) }
    return before
  }

  /// Notes that a transmission is taken for lost.
  mutating func lose(_ number: Int) {
    guard let transmission = self[number], transmission.fate == .inFlight else { return }
    entries[number & mask]?.fate = .lost
    leaveFlight(transmission.size)
  }

  /// Takes everything that is under way for lost.
  mutating func forgetFlight() {
    for number in oldestInFlight..<next { lose(number) }
  }

  /// Notes the newest of the transmissions of which an acknowledgement told that they arrived.
  mutating func noteArrival(of number: Int, at now: Instant) {
    guard number > newestDelivered, let transmission = self[number] else { return }
    newestDelivered = number
    arrival.at = now
    arrival.sentAt = transmission.sentAt
    arrival.sentThrough = transmission.sentThrough
  }

  /// The application has nothing more to send: what is measured until the present flight has
  /// arrived says nothing of the path.
  mutating func noteApplicationLimit() {
    limitedUntil = bytesDelivered + max(bytesInFlight, 1)
  }

  private mutating func leaveFlight(_ size: Int) {
    bytesInFlight -= size
    countInFlight -= 1
    while oldestInFlight < next, entries[oldestInFlight & mask]?.fate != .inFlight {
      oldestInFlight += 1
    }
  }

  private mutating func grow() {
    guard entries.count < KCPLimits.transmissions else { return }
    var larger = [Transmission?](repeating: nil, count: entries.count * 2)
    for number in max(first, next - entries.count)..<next {
      larger[number & (larger.count - 1)] = entries[number & mask]
    }
    entries = larger
  }
}
