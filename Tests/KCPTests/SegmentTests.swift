import NIOCore
import Testing

@testable import HawserKCP

@Suite struct SegmentTests {
  private let header = SegmentHeader(
    conversationID: 0x1122_3344,
    command: .push,
    fragment: 5,
    window: 0x0102,
    timestamp: 0xa1a2_a3a4,
    sequenceNumber: 0xb1b2_b3b4,
    unacknowledged: 0xc1c2_c3c4,
    length: 3
  )

  private let bytes: [UInt8] = [
    0x44, 0x33, 0x22, 0x11, 81, 5, 0x02, 0x01, 0xa4, 0xa3, 0xa2, 0xa1, 0xb4, 0xb3, 0xb2, 0xb1,
    0xc4, 0xc3, 0xc2, 0xc1, 3, 0, 0, 0,
  ]

  @Test func `a header has ikcp's bytes`() {
    var buffer = ByteBuffer()
    header.write(into: &buffer)
    #expect(Array(buffer.readableBytesView) == bytes)
  }

  @Test func `a header is read from ikcp's bytes, and its payload stays`() throws {
    var buffer = ByteBuffer(bytes: bytes + [7, 8, 9])
    #expect(try SegmentHeader(from: &buffer, of: 0x1122_3344) == header)
    #expect(Array(buffer.readableBytesView) == [7, 8, 9])
  }

  @Test func `every shorter input is truncated and left alone`() {
    let whole = bytes + [7, 8, 9]
    for count in 0..<whole.count {
      var buffer = ByteBuffer(bytes: whole.prefix(count))
      #expect(throws: SegmentError.truncated) {
        try SegmentHeader(from: &buffer, of: 0x1122_3344)
      }
      #expect(buffer.readableBytes == count)
    }
  }

  @Test func `another conversation and an unknown command are refused`() {
    var foreign = ByteBuffer(bytes: bytes)
    #expect(throws: SegmentError.foreignConversation(0x1122_3344)) {
      try SegmentHeader(from: &foreign, of: 1)
    }
    var unknown = ByteBuffer(bytes: bytes)
    unknown.setInteger(UInt8(99), at: 4)
    #expect(throws: SegmentError.unknownCommand(99)) {
      try SegmentHeader(from: &unknown, of: 0x1122_3344)
    }
  }

  @Test func `a number is unwrapped to the nearest one`() {
    #expect(unwrap(5, near: 0xffff_fff0) == 0x1_0000_0005)
    #expect(unwrap(0xffff_fff0, near: 0x1_0000_0005) == 0xffff_fff0)
    #expect(unwrap(0xffff_ffff, near: 0) == -1)
    #expect(unwrap(7, near: 3 << 32) == 3 << 32 + 7)
  }

  @Test(arguments: [
    [(100, 1)], [(100, 40), (50, 200)], [(9000, 5000), (3000, 1), (2998, 1)],
    [(0xffff_ffff, 3), (100, 2)],
  ])
  func `ranges mean the same after a way over the wire`(_ ranges: [(UInt32, UInt32)]) throws {
    var sent = RangeAcknowledgement(
      conversationID: 7,
      window: 300,
      unacknowledged: 12,
      ranges: ranges.map { .init(newest: $0.0, length: $0.1) },
      delay: 77
    )
    if ranges[0].0 == 0xffff_ffff {
      // Numbers that wrap between two ranges.
      sent.ranges = [.init(newest: 2, length: 2), .init(newest: 0xffff_fffd, length: 9)]
    }
    var buffer = ByteBuffer()
    sent.write(into: &buffer)
    let whole = Array(buffer.readableBytesView)
    #expect(try RangeAcknowledgement(from: &buffer, of: 7) == sent)
    #expect(buffer.readableBytes == 0)
    for count in 0..<whole.count {
      var cut = ByteBuffer(bytes: whole.prefix(count))
      #expect(throws: SegmentError.truncated) { try RangeAcknowledgement(from: &cut, of: 7) }
    }
  }

  @Test func `ranges that are empty or too many are refused`() {
    var buffer = ByteBuffer()
    RangeAcknowledgement(
      conversationID: 7,
      window: 1,
      unacknowledged: 1,
      ranges: [.init(newest: 9, length: 1)],
      delay: 0
    ).write(into: &buffer)
    for count: UInt8 in [0, 13, 255] {
      var changed = buffer
      changed.setInteger(count, at: 5)
      #expect(throws: SegmentError.malformedRanges) {
        try RangeAcknowledgement(from: &changed, of: 7)
      }
    }
    buffer.setInteger(UInt8(0), at: buffer.writerIndex - 1)
    #expect(throws: SegmentError.malformedRanges) { try RangeAcknowledgement(from: &buffer, of: 7) }
  }

  @Test func `everything that arrives is told, whatever the order`() {
    for seed: UInt64 in 0..<200 {
      var chance = Chance(seed)
      var arriving = Array(0..<400).filter { _ in chance.happens(90) }
      let expected = Set(arriving)
      // Each up to forty places late, so that there are more holes than ranges in a telling.
      arriving = arriving.map { ($0 + Int.random(in: 0..<40, using: &chance), $0) }
        .sorted { $0 < $1 }.map(\.1)
      var received = ReceivedTransmissions()
      var told: Set<Int> = []
      for number in arriving {
        received.insert(number)
        let ranges = received.tell()
        #expect(ranges.count <= RangeAcknowledgement.rangeLimit, "seed \(seed)")
        let isOrdered = zip(ranges, ranges.dropFirst()).allSatisfy {
          $0.newest - $0.length > $1.newest
        }
        #expect(isOrdered, "seed \(seed)")
        for range in ranges { told.formUnion((0..<range.length).map { Int(range.newest - $0) }) }
      }
      #expect(told == expected, "seed \(seed)")
    }
  }
}
