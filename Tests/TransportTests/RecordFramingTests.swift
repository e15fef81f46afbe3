import HawserPrimitives
import HawserTransport
import NIOCore
import Testing

struct `Record framing` {
  private static let messages: [LinkMessage] = [
    .record(ByteBuffer()), .record(ByteBuffer(string: "hello")), .report(0),
    .record(ByteBuffer(repeating: 1, count: TransportLimits.recordBytes)),
    .report(VariableLengthInteger.maximum), .ping(1), .pong(70_000),
  ]

  private static func encoded(_ messages: [LinkMessage]) -> ByteBuffer {
    var buffer = ByteBuffer()
    for message in messages {
      switch message {
      case .record(let record): RecordEncoder.write(record: record, to: &buffer)
      case .report(let count): RecordEncoder.write(report: count, to: &buffer)
      case .ping(let number): RecordEncoder.write(ping: number, to: &buffer)
      case .pong(let number): RecordEncoder.write(pong: number, to: &buffer)
      }
    }
    return buffer
  }

  @Test func `has these bytes`() {
    let buffer = Self.encoded([
      .record(ByteBuffer(bytes: [1, 2])), .report(3), .ping(64), .pong(64),
    ])
    #expect(
      Array(buffer.readableBytesView)
        == [0, 2, 1, 2, 1, 1, 3, 2, 2, 0x40, 0x40, 3, 2, 0x40, 0x40]
    )
  }

  @Test func `fills one TLS record with the largest record`() {
    let largest = ByteBuffer(repeating: 0, count: TransportLimits.recordBytes)
    #expect(Self.encoded([.record(largest)]).readableBytes == TransportLimits.messageBytes)
  }

  @Test(arguments: [1, 2, 5, 1000, 16_384, Int.max])
  func `is decoded from pieces of any size`(pieceBytes: Int) throws {
    var decoder = RecordDecoder()
    var decoded: [LinkMessage] = []
    var rest = Self.encoded(Self.messages + Self.messages)
    while rest.readableBytes > 0 {
      let count = min(pieceBytes, rest.readableBytes)
      decoder.makeRoom(for: count)
      rest.readSlice(length: count).map { _ = decoder.buffer.writeImmutableBuffer($0) }
      while let message = try decoder.next() { decoded.append(message) }
    }
    #expect(decoded == Self.messages + Self.messages)
  }

  @Test func `waits for the rest of every truncated message`() throws {
    for message in Self.messages {
      let whole = Self.encoded([message])
      for count in 0..<min(whole.readableBytes, 8) {
        var decoder = RecordDecoder()
        decoder.buffer.writeBytes(whole.readableBytesView.prefix(count))
        #expect(try decoder.next() == nil)
      }
    }
  }

  @Test(arguments: [
    ([4, 0], RecordFramingViolation.unknownKind(4)),
    ([255], .unknownKind(255)),
    // Judged by the header alone.
    ([0, 0x7F, 0xFE], .messageTooLarge(16_382)),
    (
      [0, 0xFF, 255, 255, 255, 255, 255, 255, 255], .messageTooLarge(VariableLengthInteger.maximum)
    ),
    ([1, 9], .messageTooLarge(9)),
    ([1, 0], .malformedMessage(1)),
    ([2, 2, 1, 1], .malformedMessage(2)),
    ([3, 1, 0x40], .malformedMessage(3)),
  ])
  func `refuses what breaks the rules`(bytes: [UInt8], violation: RecordFramingViolation) {
    var decoder = RecordDecoder()
    decoder.buffer.writeBytes(bytes)
    #expect(throws: violation) { try decoder.next() }
  }

  @Test func `leaves slices alone that were handed up`() throws {
    var decoder = RecordDecoder()
    var records: [ByteBuffer] = []
    for index in UInt8(0)..<50 {
      let piece = Self.encoded([.record(ByteBuffer(repeating: index, count: 3000))])
      // Cut in the middle, so that each batch ends within a message.
      for part in [piece.readableBytesView.prefix(1500), piece.readableBytesView.dropFirst(1500)] {
        decoder.makeRoom(for: part.count)
        decoder.buffer.writeBytes(part)
        while case .record(let record)? = try decoder.next() { records.append(record) }
      }
    }
    #expect(records == (UInt8(0)..<50).map { ByteBuffer(repeating: $0, count: 3000) })
  }

  @Test func `gives the memory of a large batch back when a small one follows`() throws {
    var decoder = RecordDecoder()
    decoder.makeRoom(for: 262_144)
    decoder.buffer.reserveCapacity(262_144)
    decoder.makeRoom(for: 100)
    #expect(decoder.buffer.capacity == 0)
  }
}

struct `A delivery reporter` {
  private static let start = Instant(nanoseconds: 1_000_000_000)

  @Test func `reports after 20 ms at the latest`() {
    var reporter = DeliveryReporter()
    #expect(reporter.nextDeadline == nil)
    reporter.took(bytes: 10, at: Self.start)
    reporter.took(bytes: 10, at: Self.start + .milliseconds(15))
    #expect(reporter.nextDeadline == Self.start + .milliseconds(20))
    #expect(!reporter.isDue(at: Self.start + .milliseconds(19)))
    #expect(reporter.isDue(at: Self.start + .milliseconds(20)))
    #expect(reporter.takeReport() == 2)
    #expect(reporter.nextDeadline == nil)
    #expect(reporter.takeReport() == nil)
  }

  @Test func `reports at once after 64 KiB`() {
    var reporter = DeliveryReporter()
    for _ in 0..<4 { reporter.took(bytes: 16_381, at: Self.start) }
    #expect(!reporter.isDue(at: Self.start))
    reporter.took(bytes: 12, at: Self.start)
    #expect(reporter.isDue(at: Self.start))
    #expect(reporter.takeReport() == 5)
    reporter.took(bytes: 1, at: Self.start)
    #expect(!reporter.isDue(at: Self.start))
  }

  @Test func `may report early, beside records of its own side`() {
    var reporter = DeliveryReporter()
    reporter.took(bytes: 1, at: Self.start)
    #expect(reporter.takeReport() == 1)
    #expect(reporter.nextDeadline == nil)
  }
}

struct `The ledger of unreported records` {
  private static let start = Instant(nanoseconds: 1_000_000_000)

  @Test func `names each record once, in order`() throws {
    var ledger = UnreportedRecords()
    for number in 0..<10 as Range<UInt64> {
      ledger.append(RecordNumber(number * 3), bytes: 5, at: Self.start + .milliseconds(number))
    }
    var delivered: [UInt64] = []
    for total in [0, 4, 4, 10] as [UInt64] {
      _ = try ledger.report(total, at: Self.start)
      while let number = ledger.nextDelivered() { delivered.append(number.rawValue) }
    }
    #expect(delivered == (0..<10).map { $0 * 3 })
    #expect(ledger.count == 0)
    #expect(ledger.oldest == nil)
  }

  @Test(arguments: [3, 6, .max] as [UInt64])
  func `refuses reports of records that were not sent or not meant`(total: UInt64) throws {
    var ledger = UnreportedRecords()
    for number in 0..<5 as Range<UInt64> {
      ledger.append(RecordNumber(number), bytes: 5, at: Self.start)
    }
    _ = try ledger.report(4, at: Self.start)
    while ledger.nextDelivered() != nil {}
    #expect(throws: RecordFramingViolation.impossibleReport(total)) {
      _ = try ledger.report(total, at: Self.start)
    }
    #expect(ledger.count == 1)
  }

  @Test func `measures the round trip only by reports that were not delayed`() throws {
    var ledger = UnreportedRecords()
    ledger.append(RecordNumber(0), bytes: 16_000, at: Self.start)
    let later = Self.start + .milliseconds(30)
    #expect(try ledger.report(1, at: later) == nil)
    #expect(ledger.count == 0)
    #expect(ledger.oldest == nil)
    for number in 1...5 as ClosedRange<UInt64> {
      ledger.append(RecordNumber(number), bytes: 16_000, at: later + .milliseconds(number))
    }
    #expect(try ledger.report(6, at: later + .milliseconds(25)) == .milliseconds(20))
  }
}
