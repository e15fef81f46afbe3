internal import struct NIOCore.ByteBuffer

/// Acknowledges everything that arrived lately in one small segment, in place of 24 bytes for each
/// transmission; only between peers that negotiated it.
///
/// What is acknowledged are transmissions (`ts`), not segments, so that the sender learns which of
/// several copies arrived. Little endian:
///
///     conv u32 | cmd u8 = 90 | count u8 | wnd u16 | una u32 | newest u32 | delay u16 | ranges
///
/// `delay` is the time from the newest one's arrival to this segment in units of 8 µs. The first
/// range ends with `newest`; ranges are pairs of `length` and `gap`, each one or two bytes: 7 bits
/// in a byte below 128, 15 bits in two with the highest bit of the first one set, the more
/// significant half first. `length` is the number of transmissions of the range, `gap` (absent
/// after the last range) the number that is missing below it; both at least 1.
struct RangeAcknowledgement: Equatable {
  /// Bytes before the ranges.
  static let headerByteCount = 18
  /// Chosen: a hole in every third of the transmissions is reported about ten times.
  static let rangeLimit = 12
  /// What one range takes at most, in bytes.
  static let rangeByteCount = 4
  /// The longest that one range can be; 15 bits.
  static let lengthLimit = 0x7fff

  var conversationID: UInt32
  var window: UInt16
  var unacknowledged: UInt32
  /// The newest first; as they travel, so in 32 bits that may wrap within a range.
  var ranges: [Range]
  /// In units of 8 µs, saturated.
  var delay: UInt16

  /// Transmissions `newest` and the `length - 1` before it.
  struct Range: Equatable {
    var newest: UInt32
    var length: UInt32
  }

  init(
    conversationID: UInt32,
    window: UInt16,
    unacknowledged: UInt32,
    ranges: [Range],
    delay: UInt16
  ) {
    self.conversationID = conversationID
    self.window = window
    self.unacknowledged = unacknowledged
    self.ranges = ranges
    self.delay = delay
  }

  /// Takes one off the front of `datagram`, whose first bytes are known to be of one.
  ///
  /// - Throws: ``SegmentError/truncated``, ``SegmentError/malformedRanges``,
  ///   ``SegmentError/foreignConversation(_:)``.
  init(from datagram: inout ByteBuffer, of conversationID: UInt32) throws(SegmentError) {
    guard
      let (conversation, _, count, window, unacknowledged, newest, delay) =
        datagram.readMultipleIntegers(
          endianness: .little,
          as: (UInt32, UInt8, UInt8, UInt16, UInt32, UInt32, UInt16).self
        )
    else { throw .truncated }
    guard conversation == conversationID else { throw .foreignConversation(conversation) }
    guard count > 0, count <= Self.rangeLimit else { throw .malformedRanges }
    self.conversationID = conversation
    self.window = window
    self.unacknowledged = unacknowledged
    self.delay = delay
    ranges = []
    ranges.reserveCapacity(Int(count))
    var next = newest
    var span: UInt32 = 0
    for index in 0..<count {
      let length = try Self.readCount(from: &datagram)
      ranges.append(Range(newest: next, length: length))
      span += length
      if index + 1 < count {
        let gap = try Self.readCount(from: &datagram)
        span += gap
        // Sequence arithmetic modulo 2³²; the span is at most 24 × 15 bits, so it is unambiguous.
        next = newest &- span
      }
    }
  }

  func write(into datagram: inout ByteBuffer) {
    guard let first = ranges.first else { return }
    datagram.writeMultipleIntegers(
      conversationID,
      SegmentCommand.acknowledgeRanges.rawValue,
      UInt8(truncatingIfNeeded: ranges.count),
      window,
      unacknowledged,
      first.newest,
      delay,
      endianness: .little
    )
    var previous: Range?
    for range in ranges {
      if let previous {
        Self.write(previous.newest &- range.newest &- previous.length, into: &datagram)
      }
      Self.write(range.length, into: &datagram)
      previous = range
    }
  }

  private static func write(_ count: UInt32, into datagram: inout ByteBuffer) {
    if count < 0x80 {
      datagram.writeInteger(UInt8(truncatingIfNeeded: count))
    } else {
      datagram.writeInteger(UInt16(truncatingIfNeeded: count) | 0x8000)
    }
  }

  private static func readCount(from datagram: inout ByteBuffer) throws(SegmentError) -> UInt32 {
    guard let first: UInt8 = datagram.readInteger() else { throw .truncated }
    var count = UInt32(first)
    if first & 0x80 != 0 {
      guard let second: UInt8 = datagram.readInteger() else { throw .truncated }
      count = UInt32(first & 0x7f) << 8 | UInt32(second)
    }
    guard count > 0 else { throw .malformedRanges }
    return count
  }
}
