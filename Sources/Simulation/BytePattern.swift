internal import struct HawserPrimitives.StreamID
internal import struct NIOCore.ByteBuffer

/// The bytes that every stream carries: a function of the stream, its direction and the offset, so
/// that each byte can be checked on arrival without having been kept.
///
/// All streams read one random table, each from a place of its own. The table's length is prime, so
/// that no offset error of a power of two goes unseen.
struct BytePattern {
  /// Bytes before the pattern repeats: the largest prime below 64 KiB.
  static let period = 65_521

  /// The table twice, so that a piece of up to one period never wraps.
  private let table: ByteBuffer
  private let salt: UInt64

  /// - Parameter generator: Draws the table and the streams' places in it.
  init(using generator: inout SeededGenerator) {
    var once = ByteBuffer()
    once.reserveCapacity(2 * Self.period)
    while once.readableBytes + 8 <= Self.period { once.writeInteger(generator.next()) }
    while once.readableBytes < Self.period {
      once.writeInteger(UInt8(truncatingIfNeeded: generator.next()))
    }
    once.writeImmutableBuffer(once)
    table = once
    salt = generator.next()
  }

  /// The bytes of a stream from `offset` on: `count` of them, but at most ``period``.
  func bytes(of stream: StreamID, from sender: Party, at offset: UInt64, count: Int) -> ByteBuffer {
    var mixer = SeededGenerator(seed: salt ^ stream.rawValue << 1 ^ UInt64(sender.rawValue))
    let start = (mixer.next() % UInt64(Self.period) + offset % UInt64(Self.period))
    let index = Int(start % UInt64(Self.period))
    return table.getSlice(at: index, length: min(count, Self.period)) ?? ByteBuffer()
  }

  /// Where `received`, which begins at `offset` of the stream, first differs from the pattern: an
  /// offset into it, or `nil` when every byte is right.
  func firstDifference(
    in received: ByteBuffer,
    of stream: StreamID,
    from sender: Party,
    at offset: UInt64
  ) -> Int? {
    var rest = received
    var position = 0
    while rest.readableBytes > 0 {
      let count = min(rest.readableBytes, Self.period)
      guard let piece = rest.readSlice(length: count) else { return position }
      let expected = bytes(
        of: stream,
        from: sender,
        at: offset + UInt64(position),
        count: count
      )
      if piece != expected {
        let pairs = zip(piece.readableBytesView, expected.readableBytesView)
        return position + (pairs.enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0)
      }
      position += count
    }
    return nil
  }
}
