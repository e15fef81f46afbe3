internal import struct HawserPrimitives.Instant
internal import struct NIOCore.ByteBuffer

/// How arrivals are acknowledged.
package enum AcknowledgementFormat: Sendable {
  /// 24 bytes for each transmission: what every peer understands.
  case segments
  /// Ranges of transmissions: what peers of ours negotiate.
  case ranges
}

/// What has arrived and is still to be acknowledged, and when.
///
/// At once where the sender has to learn something: a hole, what fills it, a duplicate. Else for a
/// few segments together or after a short while. What `una` covers is not listed, but for the
/// newest one, whose mark tells the round trip.
struct Acknowledgements {
  private struct Arrival {
    var segment: Int
    var timestamp: UInt32
    /// Came out of order or again, so that `una` does not tell all of it.
    var isNotable: Bool
  }

  let format: AcknowledgementFormat
  private var pending = Ring<Arrival>()
  /// Out of order and told once: told again in the next datagram, should the first be lost.
  private var again: [Arrival] = []
  private var toldAt = Instant.origin
  private var transmissions = ReceivedTransmissions()
  private var newestArrivedAt = Instant.origin
  private var packets = 0
  /// When to acknowledge at the latest.
  private(set) var deadline: Instant?

  init(format: AcknowledgementFormat) {
    self.format = format
  }

  /// Notes an arrival that counts as received.
  ///
  /// `isNotable`: not the segment after the highest one so far.
  /// `isUrgent`: to be acknowledged at once.
  /// `delay`: otherwise after this time.
  mutating func note(
    segment: Int,
    timestamp: UInt32,
    isNotable: Bool,
    isUrgent: Bool,
    delay: Span,
    at now: Instant
  ) {
    packets += 1
    switch format {
    case .segments:
      pending.append(Arrival(segment: segment, timestamp: timestamp, isNotable: isNotable))
    case .ranges:
      let before = transmissions.newest
      let number = unwrap(timestamp, near: before ?? Int(timestamp))
      transmissions.insert(number)
      if number > before ?? .min { newestArrivedAt = now }
    }
    if isUrgent || packets >= KCPLimits.acknowledgementPackets {
      deadline = now
    } else if deadline == nil {
      deadline = now + delay
    }
  }

  /// Whether acknowledging can wait no longer.
  func isDue(at now: Instant) -> Bool {
    deadline.map { $0 <= now } ?? false
  }

  /// Whether there is anything to acknowledge.
  var isPending: Bool { deadline != nil }

  /// What one datagram of acknowledgements takes at most, in bytes.
  var sizeBound: Int {
    switch format {
    case .segments:
      (pending.count + again.count) * SegmentHeader.byteCount
    case .ranges:
      RangeAcknowledgement.headerByteCount + RangeAcknowledgement.rangeLimit
        * RangeAcknowledgement.rangeByteCount
    }
  }

  /// Writes what there is to acknowledge and there is room for; the rest stays due.
  ///
  /// `room`: in bytes.
  /// `header`: conversation, window and `una` of this moment.
  /// `received`: `una` as a number.
  /// `repetition`: for how long an acknowledgement may be repeated: whoever receives it measures
  /// its round trip by it.
  mutating func write(
    into datagram: inout ByteBuffer,
    room: Int,
    header: SegmentHeader,
    received: Int,
    repetition: Span,
    at now: Instant
  ) {
    switch format {
    case .segments:
      writeSegments(
        into: &datagram,
        room: room,
        header: header,
        received: received,
        repetition: repetition,
        at: now
      )
    case .ranges:
      guard sizeBound <= room else { return }
      let delay = now.since(newestArrivedAt).wholeMicroseconds / 8
      RangeAcknowledgement(
        conversationID: header.conversationID,
        window: header.window,
        unacknowledged: header.unacknowledged,
        ranges: transmissions.tell(),
        delay: UInt16(clamping: delay)
      ).write(into: &datagram)
      deadline = nil
      packets = 0
    }
  }

  private mutating func writeSegments(
    into datagram: inout ByteBuffer,
    room: Int,
    header: SegmentHeader,
    received: Int,
    repetition: Span,
    at now: Instant
  ) {
    var header = header
    header.command = .acknowledge
    var slots = room / SegmentHeader.byteCount
    var told: [Arrival] = []
    func write(_ arrival: Arrival) {
      header.sequenceNumber = UInt32(truncatingIfNeeded: arrival.segment)
      header.timestamp = arrival.timestamp
      header.write(into: &datagram)
      slots -= 1
    }
    while slots > 0, let arrival = pending.popFirst() {
      let isNotable = arrival.isNotable || arrival.segment >= received
      guard isNotable || pending.isEmpty else { continue }
      write(arrival)
      if isNotable { told.append(arrival) }
    }
    if now.since(toldAt) <= repetition {
      for arrival in again where slots > 0 && arrival.segment >= received { write(arrival) }
    }
    again = told.suffix(KCPLimits.repeatedAcknowledgements)
    toldAt = now
    guard pending.isEmpty else { return }
    deadline = nil
    packets = 0
  }
}
