internal import struct HawserPrimitives.RecordNumber
internal import struct NIOCore.ByteBuffer

/// Segments that wait for the window, in order.
struct SendQueue {
  struct Item {
    var payload: ByteBuffer
    var fragment: UInt8
    var record: RecordNumber
  }

  private var items = Ring<Item>()
  private(set) var byteCount = 0

  var isEmpty: Bool { items.isEmpty }
  /// Segments that wait.
  var count: Int { items.count }
  var first: Item? { items.first }

  /// Adds one segment.
  mutating func append(_ payload: ByteBuffer, fragment: UInt8, record: RecordNumber) {
    byteCount += payload.readableBytes
    items.append(Item(payload: payload, fragment: fragment, record: record))
  }

  /// Adds the bytes of a message, in segments whose fragment numbers count down to 0.
  mutating func append(message: ByteBuffer, segmentSize: Int, record: RecordNumber) {
    var rest = message
    var fragments = (message.readableBytes + segmentSize - 1) / segmentSize
    while let part = rest.readSlice(length: min(segmentSize, rest.readableBytes)),
      part.readableBytes > 0
    {
      fragments -= 1
      append(part, fragment: UInt8(truncatingIfNeeded: fragments), record: record)
    }
  }

  /// Adds bytes of a stream, first into the room that the last segment has.
  mutating func append(stream: ByteBuffer, segmentSize: Int) {
    var rest = stream
    if var last = items.last, last.payload.readableBytes < segmentSize {
      let room = min(segmentSize - last.payload.readableBytes, rest.readableBytes)
      if let part = rest.readSlice(length: room) {
        last.payload.writeImmutableBuffer(part)
        byteCount += room
        items.last = last
      }
    }
    while let part = rest.readSlice(length: min(segmentSize, rest.readableBytes)),
      part.readableBytes > 0
    {
      append(part, fragment: 0, record: RecordNumber(0))
    }
  }

  mutating func popFirst() -> Item? {
    guard let item = items.popFirst() else { return nil }
    byteCount -= item.payload.readableBytes
    return item
  }
}
