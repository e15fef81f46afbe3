import DequeModule

import struct NIOCore.ByteBuffer

/// Puts the bytes of one receiving direction in order.
///
/// Bytes that arrive in order are handed up as they are. What comes ahead of a hole is copied into
/// slabs indexed by offset, so that a piece of any size costs the same and repeated bytes cost
/// nothing. The owner bounds offsets by credit; the number of holes is bounded here.
struct ReassemblyBuffer {
  private static let slabSize: UInt64 = 16 << 10

  private var ready: Deque<ByteBuffer> = []
  private var slabs: [UInt64: ByteBuffer] = [:]
  private var ahead = IntervalSet()

  /// Bytes handed to the reader so far.
  private(set) var readOffset: UInt64 = 0
  /// Everything below has arrived.
  private(set) var contiguousEnd: UInt64 = 0

  /// Bytes that the reader can have now.
  var readyBytes: Int { Int(contiguousEnd - readOffset) }
  /// Ranges that wait behind a hole.
  var gapCount: Int { ahead.ranges.count }
  /// Memory held, in bytes; slabs count whole.
  var heldBytes: Int { readyBytes + slabs.count * Int(Self.slabSize) }

  /// Takes bytes at `offset`; those that arrived before are ignored.
  ///
  /// - Returns: Whether any of the bytes were new.
  mutating func insert(_ bytes: ByteBuffer, at offset: UInt64) -> Bool {
    var bytes = bytes
    var offset = offset
    let end = offset + UInt64(bytes.readableBytes)
    guard end > contiguousEnd else { return false }
    if offset < contiguousEnd {
      bytes.moveReaderIndex(forwardBy: Int(contiguousEnd - offset))
      offset = contiguousEnd
    }
    if offset == contiguousEnd, end <= ahead.ranges.first?.lowerBound ?? .max {
      append(bytes)
      if let first = ahead.ranges.first, first.lowerBound == end { takeInOrder(first) }
      return true
    }
    guard !ahead.contains(offset..<end) else { return false }
    store(bytes, at: offset)
    ahead.insert(offset..<end)
    if let first = ahead.ranges.first, first.lowerBound == contiguousEnd {
      takeInOrder(first)
    }
    return true
  }

  /// Takes up to `maximum` bytes of the next piece in order; `nil` when there is none.
  mutating func read(atMost maximum: Int) -> ByteBuffer? {
    guard maximum > 0, var piece = ready.popFirst() else { return nil }
    if let slice = piece.readSlice(length: min(maximum, piece.readableBytes)) {
      if piece.readableBytes > 0 { ready.prepend(piece) }
      readOffset += UInt64(slice.readableBytes)
      return slice
    }
    return nil
  }

  /// Forgets all bytes.
  mutating func discard() {
    ready.removeAll()
    slabs.removeAll()
    ahead.removeAll()
    readOffset = contiguousEnd
  }

  private mutating func append(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    contiguousEnd += UInt64(bytes.readableBytes)
    // Small pieces would each pin the whole buffer that they were read with.
    if bytes.readableBytes <= ByteBuffer.smallPieceBytes, let last = ready.indices.last,
      ready[last].readableBytes + bytes.readableBytes <= Int(Self.slabSize)
    {
      ready[last].writeImmutableBuffer(bytes)
    } else {
      let isSmall = bytes.readableBytes <= ByteBuffer.smallPieceBytes
      ready.append(isSmall ? bytes.copied() : bytes.trimmed())
    }
  }

  private mutating func store(_ bytes: ByteBuffer, at offset: UInt64) {
    var bytes = bytes
    var offset = offset
    while bytes.readableBytes > 0 {
      let index = offset / Self.slabSize
      let start = Int(offset % Self.slabSize)
      let count = min(bytes.readableBytes, Int(Self.slabSize) - start)
      guard let piece = bytes.readSlice(length: count) else { return }
      slabs[index, default: ByteBuffer(repeating: 0, count: Int(Self.slabSize))]
        .setBuffer(piece, at: start)
      offset += UInt64(count)
    }
  }

  /// Moves the bytes of `range`, which begins where order ends, out of the slabs.
  private mutating func takeInOrder(_ range: Range<UInt64>) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let index = offset / Self.slabSize
      let slabEnd = (index + 1) * Self.slabSize
      let end = min(range.upperBound, slabEnd)
      guard let slab = slabs[index],
        let slice = slab.getSlice(at: Int(offset % Self.slabSize), length: Int(end - offset))
      else { break }
      if end == slabEnd {
        slabs[index] = nil
        contiguousEnd = end
        ready.append(slice)
      } else {
        // The rest of the slab is still to be written: a shared slice would make that copy it all.
        contiguousEnd = end
        ready.append(slice.copied())
        if !ahead.intersects(range.upperBound..<slabEnd) { slabs[index] = nil }
      }
      offset = end
    }
    ahead.remove(range)
  }
}

extension IntervalSet {
  /// Whether any member of `range` is in the set.
  func intersects(_ range: Range<UInt64>) -> Bool {
    let holes = gaps(in: range)
    return holes.count != 1 || holes[0] != range
  }
}
