internal import struct HawserPrimitives.RecordNumber
internal import struct NIOCore.ByteBuffer

/// One segment on its way.
struct OutgoingSegment {
  /// Emptied when the segment is acknowledged.
  var payload: ByteBuffer
  var fragment: UInt8
  var record: RecordNumber
  /// The newest of its transmissions, or -1.
  var latest = -1
  /// How often it was sent.
  var transmissions = 0
  var isAcknowledged = false
  /// Taken for lost, waits to be sent again.
  var isWaiting = false
}

/// Segments that were sent and not acknowledged in one piece, by number. Every operation is O(1),
/// amortised.
struct SendWindow {
  private var slots: [OutgoingSegment?] = Array(repeating: nil, count: 32)
  /// `snd_una`: all segments below are acknowledged.
  private(set) var unacknowledged: Int
  /// `snd_nxt`.
  private(set) var next: Int
  /// Bytes of payload that are kept for sending again.
  private(set) var bytesRetained = 0

  /// - Parameter first: The number of the first segment.
  init(first: Int) {
    unacknowledged = first
    next = first
  }

  /// Segments from the lowest one that is not acknowledged to the newest one.
  var span: Int { next - unacknowledged }

  /// The segment with that number, unless it is not between ``unacknowledged`` and ``next``.
  subscript(number: Int) -> OutgoingSegment? {
    get { contains(number) ? slots[number & (slots.count - 1)] : nil }
    set {
      guard contains(number) else { return }
      slots[number & (slots.count - 1)] = newValue
    }
  }

  func contains(_ number: Int) -> Bool {
    number >= unacknowledged && number < next
  }

  /// Adds the next segment.
  ///
  /// - Returns: Its number.
  mutating func append(_ payload: ByteBuffer, fragment: UInt8, record: RecordNumber) -> Int {
    if span == slots.count { grow() }
    bytesRetained += payload.readableBytes
    slots[next & (slots.count - 1)] = OutgoingSegment(
      payload: payload,
      fragment: fragment,
      record: record
    )
    next += 1
    return next - 1
  }

  /// Notes that a segment is sent again, or for the first time.
  mutating func noteTransmission(_ transmission: Int, of number: Int) {
    slots[number & (slots.count - 1)]?.latest = transmission
    slots[number & (slots.count - 1)]?.transmissions += 1
    slots[number & (slots.count - 1)]?.isWaiting = false
  }

  /// Notes whether a segment waits to be sent again.
  mutating func setWaiting(_ isWaiting: Bool, _ number: Int) {
    guard contains(number) else { return }
    slots[number & (slots.count - 1)]?.isWaiting = isWaiting
  }

  /// Puts a shorter payload in a segment's place.
  mutating func replacePayload(of number: Int, with payload: ByteBuffer) {
    guard let old = self[number]?.payload.readableBytes else { return }
    bytesRetained += payload.readableBytes - old
    slots[number & (slots.count - 1)]?.payload = payload
  }

  /// Notes that the peer has a segment, and lets go of its payload.
  ///
  /// - Returns: Its record, if this is news.
  mutating func acknowledge(_ number: Int) -> RecordNumber? {
    guard contains(number), let segment = slots[number & (slots.count - 1)],
      !segment.isAcknowledged
    else { return nil }
    let index = number & (slots.count - 1)
    bytesRetained -= segment.payload.readableBytes
    slots[index]?.payload = ByteBuffer()
    slots[index]?.isAcknowledged = true
    slots[index]?.isWaiting = false
    while unacknowledged < next, slots[unacknowledged & (slots.count - 1)]?.isAcknowledged == true {
      slots[unacknowledged & (slots.count - 1)] = nil
      unacknowledged += 1
    }
    return segment.record
  }

  private mutating func grow() {
    var larger = [OutgoingSegment?](repeating: nil, count: slots.count * 2)
    for number in unacknowledged..<next {
      larger[number & (larger.count - 1)] = slots[number & (slots.count - 1)]
    }
    slots = larger
  }
}
