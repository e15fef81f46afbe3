import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `Frames on the wire` {
  /// The layouts of `PROTOCOL.md`, byte by byte: a change here is a change of the protocol.
  static let golden: [(frame: Frame, bytes: [UInt8])] = [
    (
      .open(StreamID(1), OpenRequest(target: .service(7))),
      [0x01, 0x01, 0x00, 0x07, 0x00]
    ),
    (
      .open(
        StreamID(300),
        OpenRequest(
          target: .address("a:1"),
          metadata: [.clientAddress("::1"), .init(key: 64, value: [])]
        )
      ),
      [0x01, 0x41, 0x2C, 0x01, 0x03, 0x61, 0x3A, 0x31, 0x02]
        + [0x01, 0x03, 0x3A, 0x3A, 0x31, 0x40, 0x40, 0x00]
    ),
    (.opened(StreamID(1)), [0x02, 0x01]),
    (.data(2, at: 0, "hi"), [0x03, 0x02, 0x00, 0x02, 0x68, 0x69]),
    (.data(2, at: 65_536, "!", fin: true), [0x04, 0x02, 0x80, 0x01, 0x00, 0x00, 0x01, 0x21]),
    (.data(2, at: 5, "", fin: true), [0x04, 0x02, 0x05, 0x00]),
    (.streamCredit(StreamID(3), limit: 131_072), [0x05, 0x03, 0x80, 0x02, 0x00, 0x00]),
    (
      .sessionCredit(limit: 1 << 32),
      [0x06, 0xC0, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00]
    ),
    (.streamCount(limit: 2048), [0x07, 0x48, 0x00]),
    (.stop(StreamID(9), .stalled), [0x08, 0x09, 0x06]),
    (
      .reset(StreamID(9), .targetUnreachable, finalSize: 70, retryable: true),
      [0x09, 0x09, 0x01, 0x40, 0x46, 0x01]
    ),
    (
      .reset(StreamID(9), StreamErrorCode(rawValue: 1000), finalSize: 0, retryable: false),
      [0x09, 0x09, 0x43, 0xE8, 0x00, 0x00]
    ),
    (.close(.replaced, reason: "é"), [0x0A, 0x02, 0x02, 0xC3, 0xA9]),
  ]

  @Test(arguments: golden)
  func `have these bytes`(frame: Frame, bytes: [UInt8]) throws {
    #expect(Array(record([frame]).readableBytesView) == bytes)
    #expect(bytes.count <= frame.encodedSizeBound)
    var buffer = ByteBuffer(bytes: bytes)
    #expect(try Frame(from: &buffer) == frame)
    #expect(buffer.readableBytes == 0)
  }

  @Test(arguments: golden)
  func `are truncated anywhere without being taken for others`(
    frame: Frame,
    bytes: [UInt8]
  ) {
    for count in 0..<bytes.count {
      var buffer = ByteBuffer(bytes: bytes.prefix(count))
      #expect(throws: FrameError.truncated) { try Frame(from: &buffer) }
    }
  }

  @Test(
    arguments: [
      ([0x00], .unknownType(0)),
      ([0x0B], .unknownType(11)),
      ([0x01, 0x01, 0x02], .unknownTargetKind(2)),
      ([0x01, 0x01, 0x01, 0x44, 0x01], .openTooLong),
      ([0x01, 0x01, 0x01, 0x01, 0xFF, 0x00], .invalidText),
      ([0x01, 0x01, 0x00, 0x01, 0x44, 0x01], .openTooLong),
      ([0x09, 0x01, 0x00, 0x00, 0x02], .invalidFlag(2)),
      ([0x0A, 0x00, 0x41, 0x01], .reasonTooLong),
      ([0x0A, 0x00, 0x01, 0xC3], .invalidText),
      ([0x03, 0x02] + [UInt8](repeating: 0xFF, count: 8) + [0x01, 0x00], .offsetOutOfRange),
    ] as [([UInt8], FrameError)]
  )
  func `that are wrong are refused`(bytes: [UInt8], error: FrameError) {
    var buffer = ByteBuffer(bytes: bytes)
    #expect(throws: error) { try Frame(from: &buffer) }
  }

  @Test func `of the largest OPEN fit the smallest record`() throws {
    let room = ProtocolLimits.maximumOpenSize
    let longest = (0...room).last { count in
      OpenRequest(target: .address(String(repeating: "a", count: count))).fitsFrame
    }
    let request = OpenRequest(
      target: .address(String(repeating: "a", count: try #require(longest)))
    )
    var buffer = record([.open(StreamID(VariableLengthInteger.maximum), request)])
    #expect(buffer.readableBytes <= ProtocolLimits.minimumRecordSize)
    #expect(throws: Never.self) { try Frame(from: &buffer) }
  }

  @Test func `cut a reason at a character's boundary`() throws {
    let reason = String(repeating: "é", count: 200)
    var buffer = record([.close(.normal, reason: reason)])
    #expect(
      try Frame(from: &buffer) == .close(.normal, reason: String(repeating: "é", count: 128))
    )
  }

  /// Whatever arrives, a session takes it or refuses it, and its accounts stay in order.
  @Test(arguments: 0..<8)
  func `at random never trap the session`(batch: UInt64) throws {
    let seed = UInt64.random(in: 0...(.max))
    var generator = Noise(state: seed &+ batch)
    for _ in 0..<400 {
      let peer = Peer(.dialling)
      peer.attach()
      let own = try peer.open()
      peer.send("something", on: own)
      try peer.deliveredFrames()
      do {
        for _ in 0..<20 { try peer.hear(noise(using: &generator)) }
      } catch let violation as SessionViolation {
        #expect(peer.isClosed, "seed \(seed), \(violation)")
      }
      for event in peer.events() {
        if case .readable(let stream) = event { _ = peer.read(stream) }
      }
      _ = peer.records()
      peer.session.close(.normal, reason: "", at: .origin)
      #expect(peer.statistics.unreadBytes == 0, "seed \(seed)")
    }
  }

  /// A record of plausible frames with small numbers, one byte in a hundred changed, cut somewhere.
  private func noise(using generator: inout Noise) -> ByteBuffer {
    var frames: [Frame] = []
    for _ in 0..<Int.random(in: 0...6, using: &generator) {
      let stream = StreamID(UInt64.random(in: 0...6, using: &generator))
      let number = UInt64.random(in: 0...9, using: &generator)
      let code = StreamErrorCode(rawValue: number)
      switch Int.random(in: 0...8, using: &generator) {
      case 0: frames.append(.open(stream.rawValue))
      case 1: frames.append(.opened(stream))
      case 2, 3, 4:
        let count = Int.random(in: 0...20, using: &generator)
        let bytes = ByteBuffer(repeating: 0x2E, count: count)
        frames.append(
          .data(stream, offset: number, bytes: bytes, fin: Bool.random(using: &generator))
        )
      case 5: frames.append(.streamCredit(stream, limit: number << 16))
      case 6: frames.append(.stop(stream, code))
      case 7: frames.append(.reset(stream, code, finalSize: number, retryable: false))
      default: frames.append(.sessionCredit(limit: number << 30))
      }
    }
    var bytes = Array(record(frames).readableBytesView)
    for index in bytes.indices where Int.random(in: 0..<100, using: &generator) == 0 {
      bytes[index] = UInt8.random(in: 0...255, using: &generator)
    }
    let count = Bool.random(using: &generator) ? bytes.count : bytes.count / 2
    return ByteBuffer(bytes: bytes.prefix(count))
  }
}

/// A generator that a printed seed repeats (SplitMix64).
struct Noise: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
