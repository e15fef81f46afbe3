import DequeModule

import struct NIOCore.ByteBuffer

/// The bytes of one sending direction, from the first unacknowledged one to the last one written.
///
///     0 ········ base ─────────── next ─────────── end
///     acknowledged │ sent at least  │ not sent yet   │
///                  │ once           │                │
///
/// Between `base` and `next` a byte is in flight, acknowledged out of order, or *lost*: to be said
/// again. Nothing is copied on the way in except small pieces, which would pin large buffers.
struct SendBuffer {
  /// A coalesced piece grows to at most this size, in bytes.
  private static let coalescedCapacity = 16 << 10

  private struct Piece {
    var offset: UInt64
    var bytes: ByteBuffer
    /// Whether the storage is ours alone, so that more can be appended without a copy.
    var isCoalesced: Bool
    var end: UInt64 { offset + UInt64(bytes.readableBytes) }
  }

  private var pieces: Deque<Piece> = []
  private var acknowledged = IntervalSet()
  private var lost = IntervalSet()

  /// The first unacknowledged offset.
  private(set) var base: UInt64 = 0
  /// The first offset that was never sent.
  private(set) var next: UInt64 = 0
  /// One past the last byte written.
  private(set) var end: UInt64 = 0

  /// Bytes held until acknowledged, unsent ones included.
  var retainedBytes: Int { Int(end - base) }
  /// Bytes never sent.
  var unsentBytes: Int { Int(end - next) }
  /// Whether something sent once has to be said again.
  var hasLost: Bool { !lost.isEmpty }

  mutating func append(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    defer { end += UInt64(bytes.readableBytes) }
    if bytes.readableBytes > ByteBuffer.smallPieceBytes {
      pieces.append(Piece(offset: end, bytes: bytes.trimmed(), isCoalesced: false))
    } else if let last = pieces.indices.last, pieces[last].isCoalesced,
      pieces[last].bytes.readableBytes + bytes.readableBytes <= Self.coalescedCapacity
    {
      pieces[last].bytes.writeImmutableBuffer(bytes)
    } else {
      pieces.append(Piece(offset: end, bytes: bytes.copied(), isCoalesced: true))
    }
  }

  /// The next range to send: what was lost first, then what is new.
  ///
  /// - Parameters:
  ///   - maximum: The most bytes to return, greater than 0.
  ///   - limit: The first offset that may not be sent.
  /// - Returns: `nil` when there is nothing that may be sent.
  func nextRange(atMost maximum: Int, below limit: UInt64) -> Range<UInt64>? {
    if let first = lost.ranges.first {
      return first.lowerBound..<min(first.upperBound, first.lowerBound + UInt64(maximum))
    }
    let upper = min(end, limit, next + UInt64(maximum))
    return upper > next ? next..<upper : nil
  }

  /// Appends the bytes of `range`, as returned by ``nextRange(atMost:below:)``, to `buffer` and
  /// counts them as in flight.
  mutating func send(_ range: Range<UInt64>, into buffer: inout ByteBuffer) {
    lost.remove(range)
    next = max(next, range.upperBound)
    var offset = range.lowerBound
    var index = pieceIndex(at: offset)
    while offset < range.upperBound, index < pieces.endIndex {
      let piece = pieces[index]
      let start = piece.bytes.readerIndex + Int(offset - piece.offset)
      let count = Int(min(piece.end, range.upperBound) - offset)
      if let slice = piece.bytes.getSlice(at: start, length: count) {
        buffer.writeImmutableBuffer(slice)
      }
      offset += UInt64(count)
      index += 1
    }
  }

  /// The peer has `range`.
  mutating func acknowledge(_ range: Range<UInt64>) {
    lost.remove(range)
    guard range.upperBound > base else { return }
    if range.lowerBound <= base, acknowledged.isEmpty {
      base = range.upperBound
    } else {
      acknowledged.insert(max(range.lowerBound, base)..<range.upperBound)
      guard let first = acknowledged.ranges.first, first.lowerBound <= base else { return }
      base = first.upperBound
      acknowledged.remove(first)
    }
    while let first = pieces.first, first.end <= base { pieces.removeFirst() }
  }

  /// The link that carried `range` will not deliver it: what is unacknowledged is said again.
  mutating func lose(_ range: Range<UInt64>) {
    let lower = max(range.lowerBound, base)
    guard lower < range.upperBound else { return }
    for gap in acknowledged.gaps(in: lower..<range.upperBound) { lost.insert(gap) }
  }

  /// Forgets every byte; what was sent keeps counting in ``next``.
  mutating func discard() {
    pieces.removeAll()
    lost.removeAll()
    acknowledged.removeAll()
    end = next
    base = next
  }

  private func pieceIndex(at offset: UInt64) -> Int {
    var low = pieces.startIndex
    var high = pieces.endIndex
    while low < high {
      let middle = low + (high - low) / 2
      if pieces[middle].end > offset { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension ByteBuffer {
  /// The readable bytes in storage of their own.
  func copied() -> ByteBuffer {
    ByteBuffer(buffer: self)
  }

  /// Up to this size a copy costs less than what the shared storage would keep alive.
  static var smallPieceBytes: Int { 4096 }

  /// This buffer, copied when it keeps more than twice its bytes alive.
  func trimmed() -> ByteBuffer {
    storageCapacity > 2 * readableBytes + Self.smallPieceBytes ? copied() : self
  }
}
