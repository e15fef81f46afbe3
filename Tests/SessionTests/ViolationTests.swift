import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `A peer that breaks the protocol` {
  /// Takes `frames` and gives what the session made of them.
  private func violation(
    of frames: [Frame],
    limits: SessionLimits = SessionLimits()
  ) throws -> SessionViolation? {
    let peer = Peer(.dialling, limits: limits)
    peer.attach()
    _ = try peer.open()
    try peer.deliveredFrames()
    do {
      try peer.hear(record(frames))
      return nil
    } catch let violation as SessionViolation {
      // Whatever it was: it is said once, the session is over, and CLOSE says why.
      #expect(peer.isClosed)
      let expected = CloseCode(rawValue: violation.closeCode.rawValue)
      guard case .closed(.closedHere(let code, _)) = peer.events().last else {
        Issue.record("the session did not close")
        return violation
      }
      #expect(code == expected)
      guard case .close(expected, _) = try peer.frames().first else {
        Issue.record("the session did not say CLOSE")
        return violation
      }
      return violation
    }
  }

  @Test(
    arguments: [
      ([.open(2), .data(2, at: 0, "abc", fin: true), .data(2, at: 0, "abcd")], 2),
      ([.open(2), .data(2, at: 0, "abc", fin: true), .data(2, at: 0, "ab", fin: true)], 2),
      ([.open(2), .data(2, at: 0, "abcd"), .data(2, at: 0, "abc", fin: true)], 2),
      (
        [
          .data(2, at: 5, "f"),
          .reset(StreamID(2), .cancelled, finalSize: 5, retryable: false),
        ], 2
      ),
      (
        [
          .data(2, at: 0, "abc", fin: true),
          .reset(StreamID(2), .cancelled, finalSize: 4, retryable: false),
        ], 2
      ),
      (
        [
          .reset(StreamID(2), .cancelled, finalSize: 4, retryable: false),
          .reset(StreamID(2), .cancelled, finalSize: 5, retryable: false),
        ], 2
      ),
      (
        [
          .reset(StreamID(1), .cancelled, finalSize: 4, retryable: false),
          .data(1, at: 3, "de"),
        ], 1
      ),
    ] as [([Frame], UInt64)]
  )
  func `with two final sizes is closed`(frames: [Frame], stream: UInt64) throws {
    #expect(try violation(of: frames) == .finalSizeConflict(StreamID(stream)))
  }

  @Test func `with an OPEN of other contents is closed`() throws {
    let other = OpenRequest(target: .service(2))
    #expect(
      try violation(of: [.open(2), .open(StreamID(2), other)]) == .openConflict(StreamID(2))
    )
  }

  @Test func `that opens a stream of the other side is closed`() throws {
    #expect(try violation(of: [.open(1)]) == .wrongSide(StreamID(1)))
    #expect(try violation(of: [.open(3)]) == .wrongSide(StreamID(3)))
    #expect(try violation(of: [.open(0)]) == .wrongSide(StreamID(0)))
  }

  @Test func `that answers a stream of its own is closed`() throws {
    #expect(try violation(of: [.open(2), .opened(StreamID(2))]) == .wrongSide(StreamID(2)))
  }

  @Test(
    arguments: [
      .opened(StreamID(3)), .data(3, at: 0, "x"), .stop(StreamID(3), .cancelled),
      .streamCredit(StreamID(3), limit: 1),
      .reset(StreamID(3), .cancelled, finalSize: 0, retryable: false),
    ] as [Frame]
  )
  func `that speaks of a stream which was never opened is closed`(frame: Frame) throws {
    #expect(try violation(of: [frame]) == .unknownStream(StreamID(3)))
  }

  @Test func `with more streams than granted is closed`() throws {
    var limits = SessionLimits()
    limits.concurrentStreams = 3
    #expect(try violation(of: [.open(2), .open(4), .open(6)], limits: limits) == nil)
    #expect(
      try violation(of: [.open(8)], limits: limits) == .streamLimitExceeded(StreamID(8))
    )
    // A stream that waits for its OPEN counts.
    #expect(
      try violation(of: [.data(8, at: 0, "x")], limits: limits)
        == .streamLimitExceeded(StreamID(8))
    )
  }

  @Test func `that exceeds a stream's credit by a byte is closed`() throws {
    let limit = Int(ProtocolLimits.initialStreamCredit)
    #expect(try violation(of: [.open(2), .data(2, at: 0, count: limit)]) == nil)
    #expect(
      try violation(of: [.open(2), .data(2, at: 1, count: limit)])
        == .streamCreditExceeded(StreamID(2))
    )
    #expect(
      try violation(of: [
        .reset(StreamID(2), .cancelled, finalSize: UInt64(limit) + 1, retryable: false)
      ]) == .streamCreditExceeded(StreamID(2))
    )
    #expect(
      try violation(of: [.data(0, at: 1, count: Int(ProtocolLimits.controlStreamCredit))])
        == .streamCreditExceeded(.control)
    )
  }

  @Test func `that exceeds the session's credit by a byte is closed`() throws {
    var limits = SessionLimits()
    limits.concurrentStreams = 1
    limits.growthBytes = 0
    let peer = Peer(.dialling, limits: limits)
    peer.attach()
    // A stream comes and goes, too small for credit to be given back at once.
    try peer.hear(.open(2), .data(2, at: 0, count: 30_000), .data(2, at: 30_000, "", fin: true))
    _ = peer.read(StreamID(2))
    peer.finish(StreamID(2))
    try peer.deliveredFrames()
    let own = try peer.open()
    #expect(try peer.deliveredFrames().contains(.streamCount(limit: 2)))
    // Each of the next two keeps to its own credit.
    let full = Int(ProtocolLimits.initialStreamCredit)
    try peer.hear(.open(4), .data(4, at: 0, count: full))
    let rest = Int(limits.initialGrants.sessionBytes) - full - 30_000
    #expect(rest < full)
    try peer.hear(.data(own.rawValue, at: 0, count: rest))
    #expect(throws: SessionViolation.sessionCreditExceeded) {
      try peer.hear(.data(own.rawValue, at: UInt64(rest), "!"))
    }
  }

  @Test func `with too many holes in a stream is closed`() throws {
    var limits = SessionLimits()
    limits.reassemblyGaps = 10
    let pieces = { (count: Int) in
      (1...count).map { Frame.data(2, at: UInt64(2 * $0), "x") }
    }
    #expect(try violation(of: pieces(10), limits: limits) == nil)
    #expect(try violation(of: pieces(11), limits: limits) == .tooManyGaps(StreamID(2)))
  }

  @Test(
    arguments: [
      .sessionCredit(limit: 1), .streamCount(limit: 1), .data(2, at: 0, ""),
      .streamCredit(StreamID(1), limit: 1), .opened(StreamID(1)), .stop(StreamID(1), .cancelled),
      .reset(StreamID(1), .cancelled, finalSize: 0, retryable: false), .open(2),
    ] as [Frame]
  )
  func `that floods with frames which cost it nothing is closed`(frame: Frame) throws {
    var limits = SessionLimits()
    limits.uncreditedFrameBurst = 20
    #expect(
      try violation(of: Array(repeating: frame, count: 10), limits: limits) == nil
    )
    #expect(
      try violation(of: Array(repeating: frame, count: 40), limits: limits) == .tooManyFrames
    )
  }

  @Test func `may send so many cheap frames a second`() throws {
    var limits = SessionLimits()
    limits.uncreditedFrameBurst = 100
    limits.uncreditedFramesPerSecond = 1000
    let peer = Peer(.dialling, limits: limits)
    peer.attach()
    for _ in 0..<5000 {
      peer.pass(.milliseconds(1))
      try peer.hear(.sessionCredit(limit: 1))
    }
    for _ in 0..<90 { try peer.hear(.sessionCredit(limit: 1)) }
    #expect(throws: SessionViolation.tooManyFrames) {
      for _ in 0..<20 { try peer.hear(.sessionCredit(limit: 1)) }
    }
  }

  @Test(
    arguments: [
      .data(0, at: 0, "", fin: true), .stop(.control, .cancelled),
      .reset(.control, .cancelled, finalSize: 0, retryable: false),
    ] as [Frame]
  )
  func `that ends the control stream is closed`(frame: Frame) throws {
    #expect(try violation(of: [frame]) == .controlStreamMisused)
  }

  @Test func `with bytes that are no frame is closed`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    #expect(throws: SessionViolation.malformedFrame(.unknownType(63))) {
      try peer.hear(ByteBuffer(bytes: [63]))
    }
  }

  @Test func `is not listened to any more`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    #expect(throws: SessionViolation.self) { try peer.hear(.open(1)) }
    _ = peer.events()
    try peer.hear(.open(2), .data(2, at: 0, "x"))
    #expect(peer.events() == [])
  }
}

struct `What a session says of its end` {
  @Test(arguments: [
    (SessionEnd.closedByPeer(.normal, reason: "stopped"), "closed by the peer: normal, stopped"),
    (.closedHere(.revoked, reason: ""), "closed here: revoked"),
    (.graceExpired, "grace expired"),
  ])
  func `is a sentence part`(end: SessionEnd, text: String) {
    #expect("\(end)" == text)
  }

  @Test func `holds no name of a case when a frame is malformed`() {
    let errors: [FrameError] = [
      .truncated, .unknownType(63), .openTooLong, .unknownTargetKind(9), .reasonTooLong,
      .invalidText, .invalidFlag(2), .offsetOutOfRange,
    ]
    let texts = errors.map { SessionViolation.malformedFrame($0).description }
    #expect(Set(texts).count == errors.count)
    for text in texts { #expect(!text.contains("("), "\(text)") }
  }
}
