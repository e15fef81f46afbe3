import HawserPrimitives
import NIOCore
import Testing

@testable import HawserKCP

/// Everything arrives, once, whatever the path does to datagrams.
@Suite struct TransferTests {
  private static let weathers: [Weather] = [
    Weather(), Weather(loss: 20), Weather(duplication: 30, reordering: 30),
    Weather(loss: 10, duplication: 10, reordering: 20),
  ]

  @Test(arguments: 0..<4, [UInt32(0), 0xffff_ff00])
  func `records arrive once and are reported once`(_ weather: Int, _ first: UInt32) {
    for format in [AcknowledgementFormat.segments, .ranges] {
      let seed = UInt64(weather) * 7 + UInt64(first & 0xff)
      let pair = Pair(
        configuration(.records) {
          $0.acknowledgements = format
          $0.firstSequenceNumber = first
          $0.firstTransmission = first
        },
        seed: seed
      )
      pair.weather = Self.weathers[weather]
      let count = 600
      var next = 0
      let done = pair.run(until: .seconds(120)) { pair in
        while next < count, pair.left.recordAllowance(at: pair.now) > 0 {
          let size = 8 + next % 900
          var record = ByteBuffer(integer: next)
          record.writeRepeatingByte(UInt8(truncatingIfNeeded: next), count: size - 8)
          try? pair.left.send(record, record: RecordNumber(UInt64(next)), at: pair.now)
          next += 1
          pair.settle()
        }
        return pair.events.left.count == count
      }
      #expect(done, "seed \(seed), \(format)")
      let numbers = pair.messages.right.map { $0.getInteger(at: 0, as: Int.self) ?? -1 }
      #expect(numbers.sorted() == Array(0..<count), "seed \(seed), \(format)")
      let intact = pair.messages.right.allSatisfy { record in
        let number = record.getInteger(at: 0, as: Int.self) ?? -1
        return record.readableBytes == 8 + number % 900
          && record.readableBytesView.dropFirst(8).allSatisfy { $0 == UInt8(number & 0xff) }
      }
      #expect(intact, "seed \(seed), \(format)")
      let reported = pair.events.left.compactMap { event in
        if case .delivered(let record) = event { record.rawValue } else { nil }
      }
      #expect(reported.sorted() == (0..<UInt64(count)).map { $0 }, "seed \(seed), \(format)")
      #expect(pair.isDrained)
    }
  }

  @Test(arguments: 0..<4, [UInt32(0), 0xffff_ff00])
  func `messages arrive whole and in order`(_ weather: Int, _ first: UInt32) {
    let seed = UInt64(weather) + UInt64(first & 0xff)
    let pair = Pair(
      configuration(.messages) {
        $0.firstSequenceNumber = first
        $0.firstTransmission = first
      },
      seed: seed
    )
    pair.weather = Self.weathers[weather]
    let sizes = [1, 1176, 1177, 40_000, 5000, 3, 2352]
    let sent = (0..<84).map { ByteBuffer(repeating: UInt8($0), count: sizes[$0 % sizes.count]) }
    var next = 0
    let done = pair.run(until: .seconds(120)) { pair in
      while next < sent.count, (try? pair.left.send(sent[next], at: pair.now)) != nil { next += 1 }
      pair.settle()
      return pair.messages.right.count == sent.count && pair.left.isDrained
    }
    #expect(done, "seed \(seed)")
    #expect(pair.messages.right == sent, "seed \(seed)")
  }

  @Test(arguments: 0..<4, [TimestampMeaning.transmissionNumber, .milliseconds])
  func `a stream arrives in order, both ways at once`(_ weather: Int, _ meaning: TimestampMeaning) {
    let seed = UInt64(weather)
    let pair = Pair(configuration(.stream) { $0.timestamps = meaning }, seed: seed)
    pair.weather = Self.weathers[weather]
    var chance = Chance(seed)
    let bytes = (0..<200_000).map { _ in UInt8.random(in: .min ... .max, using: &chance) }
    let there = ByteBuffer(bytes: bytes)
    let back = ByteBuffer(bytes: bytes.reversed())
    var rests = (there, back)
    let done = pair.run(until: .seconds(120)) { pair in
      if let part = rests.0.getSlice(
        at: rests.0.readerIndex,
        length: min(997, rests.0.readableBytes)
      ),
        (try? pair.left.send(part, at: pair.now)) != nil
      {
        rests.0.moveReaderIndex(forwardBy: part.readableBytes)
      }
      if let part = rests.1.getSlice(
        at: rests.1.readerIndex,
        length: min(9973, rests.1.readableBytes)
      ),
        (try? pair.right.send(part, at: pair.now)) != nil
      {
        rests.1.moveReaderIndex(forwardBy: part.readableBytes)
      }
      pair.settle()
      return rests.0.readableBytes + rests.1.readableBytes == 0 && pair.left.isDrained
        && pair.right.isDrained
    }
    #expect(done, "seed \(seed)")
    var arrived = (ByteBuffer(), ByteBuffer())
    for message in pair.messages.right { arrived.0.writeImmutableBuffer(message) }
    for message in pair.messages.left { arrived.1.writeImmutableBuffer(message) }
    #expect(arrived.0 == there, "seed \(seed)")
    #expect(arrived.1 == back, "seed \(seed)")
  }

  @Test(arguments: [
    CongestionControl.bulk, .interactive, .classic, .unlimited, .fixedRate(bytesPerSecond: 500_000),
  ])
  func `every congestion control delivers everything`(_ control: CongestionControl) {
    let pair = Pair(configuration(.stream) { $0.congestionControl = control }, seed: 3)
    pair.weather = Weather(loss: 10, reordering: 10)
    var rest = 300_000
    let done = pair.run(until: .seconds(200)) { pair in
      while rest > 0,
        (try? pair.left.send(ByteBuffer(repeating: 1, count: 1000), at: pair.now)) != nil
      {
        rest -= 1000
      }
      pair.settle()
      return rest <= 0 && pair.left.isDrained
    }
    #expect(done)
    #expect(pair.messages.right.reduce(0) { $0 + $1.readableBytes } == 300_000)
  }
}
