import HawserPrimitives
import NIOCore
import Testing

@testable import HawserKCP

/// What ikcp.c gets wrong: each of these fails with its behaviour (`docs/KCP.md`, Known defects).
@Suite struct KnownDefectTests {
  private let millisecond = 1_000_000 as Int64

  private func text(_ bytes: Int) -> ByteBuffer { ByteBuffer(repeating: 0x61, count: bytes) }

  private func acknowledgement(
    segment: UInt32,
    timestamp: UInt32,
    unacknowledged: UInt32 = 0,
    window: UInt16 = 128
  ) -> ByteBuffer {
    var datagram = ByteBuffer()
    SegmentHeader(
      conversationID: 7,
      command: .acknowledge,
      window: window,
      timestamp: timestamp,
      sequenceNumber: segment,
      unacknowledged: unacknowledged
    ).write(into: &datagram)
    return datagram
  }

  private func windowTelling(_ window: UInt16, unacknowledged: UInt32) -> ByteBuffer {
    var datagram = ByteBuffer()
    SegmentHeader(
      conversationID: 7,
      command: .tellWindow,
      window: window,
      unacknowledged: unacknowledged
    ).write(into: &datagram)
    return datagram
  }

  // MARK: - A fixed tick

  @Test func `data leaves when it is sent, not at the next tick`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.settle()
    #expect(pair.sent.left.count == 1)
    pair.run(for: .milliseconds(31))
    #expect(pair.messages.right.count == 1)
  }

  @Test func `a hole is acknowledged when it is seen`() throws {
    let pair = Pair(configuration(.messages))
    for _ in 0..<2 { try pair.left.send(text(1000), at: pair.now) }
    var count = 0
    pair.intercept = { end, datagram in
      guard end == .left else { return datagram }
      count += 1
      return count == 1 ? ByteBuffer() : datagram
    }
    pair.run(for: .milliseconds(30))
    #expect(pair.sent.right.count == 1)
  }

  @Test func `a deadline is not in the past, and what is due is done when it is reached`() throws {
    let pair = Pair(configuration(.messages))
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.settle()
    for _ in 0..<200 {
      let deadline = try #require(pair.leftDeadline)
      #expect(deadline > pair.now)
      pair.run(for: deadline - pair.now)
    }
  }

  @Test func `nothing wakes up while nothing waits`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(2))
    #expect(pair.isDrained)
    #expect(pair.isQuiet)
    let before = pair.wakeUps
    pair.run(for: .seconds(3600))
    #expect(pair.wakeUps == before)
  }

  // MARK: - Timestamps in milliseconds

  @Test func `transmissions of the same millisecond are told apart`() throws {
    let pair = Pair(configuration(.messages))
    for _ in 0..<4 { try pair.left.send(text(1000), at: pair.now) }
    pair.settle()
    let marks = pair.sent.left.flatMap { $0.segments() }.map(\.header.timestamp)
    #expect(marks.count == 4)
    #expect(Set(marks).count == 4)
  }

  @Test func `a hole within one millisecond is filled a quarter of a round trip later`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    var isFirst = true
    pair.intercept = { end, datagram in
      guard end == .left, isFirst else { return datagram }
      isFirst = false
      return ByteBuffer()
    }
    let start = pair.now
    for _ in 0..<4 { try pair.left.send(text(1000), at: pair.now) }
    #expect(pair.run(until: .seconds(1)) { $0.messages.right.count == 5 })
    // There, back, a quarter to be sure, and there again.
    #expect(pair.now - start <= .milliseconds(30 + 30 + 15 + 30 + 2))
    #expect(pair.left.statistics.retransmissions == 1)
  }

  @Test func `a retransmission's acknowledgement measures the retransmission`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(2))
    pair.weather.isDown = false
    pair.run(for: .seconds(1))
    #expect(pair.messages.right.count == 2)
    let smoothed = try #require(pair.left.statistics.smoothedRoundTrip)
    #expect(smoothed < .milliseconds(80))
  }

  @Test func `a retransmission that was not needed is recognised`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    var held: ByteBuffer?
    pair.intercept = { end, datagram in
      guard end == .left, held == nil else { return datagram }
      held = datagram
      return ByteBuffer()
    }
    for _ in 0..<4 { try pair.left.send(text(1000), at: pair.now) }
    pair.run(for: .milliseconds(200))
    #expect(pair.left.statistics.spuriousLosses == 0)
    let late = try #require(held)
    try pair.inject(late, to: .right)
    pair.run(for: .milliseconds(200))
    #expect(pair.left.statistics.spuriousLosses == 1)
  }

  // MARK: - Acknowledgements of what was never sent

  @Test func `una beyond what was sent is not believed`() throws {
    let pair = Pair(configuration(.messages))
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.settle()
    try pair.inject(acknowledgement(segment: 0, timestamp: 99, unacknowledged: 5), to: .left)
    #expect(pair.isUndrained)
    #expect(pair.left.statistics.nonsenseAcknowledgements == 2)
    pair.weather.isDown = false
    pair.run(for: .seconds(2))
    #expect(pair.messages.right.count == 1)
    #expect(pair.isDrained)
  }

  @Test func `a timestamp that was never sent is no round trip`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(61))
    let before = try #require(pair.left.statistics.smoothedRoundTrip)
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.settle()
    try pair.inject(acknowledgement(segment: 1, timestamp: 12345, unacknowledged: 1), to: .left)
    try pair.inject(acknowledgement(segment: 1, timestamp: 0, unacknowledged: 1), to: .left)
    #expect(pair.left.statistics.smoothedRoundTrip == before)
    #expect(pair.isUndrained)
  }

  // MARK: - The window

  @Test func `a stale window does not close what is open`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    try pair.inject(windowTelling(0, unacknowledged: 0), to: .left)
    #expect(pair.left.peerWindow.size > 0)
    try pair.inject(windowTelling(3, unacknowledged: 1), to: .left)
    #expect(pair.left.peerWindow.size > 3)
  }

  @Test func `a stale window does not open what is closed`() throws {
    let pair = Pair(configuration(.messages))
    for _ in 0..<2 { try pair.left.send(text(10), at: pair.now) }
    pair.settle()
    try pair.inject(windowTelling(0, unacknowledged: 2), to: .left)
    #expect(pair.left.peerWindow.size == 0)
    try pair.inject(windowTelling(128, unacknowledged: 1), to: .left)
    #expect(pair.left.peerWindow.size == 0)
  }

  @Test func `a lost word of the opened window costs a probe, not seconds`() throws {
    let pair = Pair(configuration(.messages) { $0.receiveWindow = 4 })
    pair.takes.right = false
    for _ in 0..<12 { try pair.left.send(text(1000), at: pair.now) }
    pair.run(for: .seconds(3))
    #expect(pair.left.peerWindow.size == 0)
    // What tells of the opened window is lost.
    pair.takes.right = true
    pair.weather.isDown = true
    pair.settle()
    pair.run(for: .milliseconds(5))
    pair.weather.isDown = false
    let opened = pair.now
    #expect(pair.run(until: .seconds(1)) { $0.messages.right.count > 4 })
    #expect(pair.now - opened <= .milliseconds(200 + 90 + 2))
  }

  @Test func `an opened window is told again without being asked`() throws {
    let pair = Pair(configuration(.messages) { $0.receiveWindow = 2 })
    pair.takes.right = false
    for _ in 0..<2 { try pair.left.send(text(1000), at: pair.now) }
    pair.run(for: .seconds(1))
    let before = pair.sent.right.count
    pair.takes.right = true
    pair.run(for: .seconds(2))
    let told = pair.sent.right.dropFirst(before).flatMap { $0.segments() }
      .filter { $0.header.command == .tellWindow && $0.header.window == 2 }
    #expect(told.count == 1 + KCPLimits.windowReminders)
    #expect(pair.isQuiet)
  }

  @Test func `a window of 65536 is told as 65535, not as 0`() throws {
    let pair = Pair(configuration(.messages) { $0.receiveWindow = 65536 })
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    #expect(pair.sent.left[0].segments()[0].header.window == 65535)
    #expect(pair.left.peerWindow.size == 65535)
  }

  @Test func `a message that the peer could never assemble is refused`() throws {
    let pair = Pair(configuration(.messages) { $0.receiveWindow = 8 })
    let limit = 128 * pair.left.segmentSize
    #expect(throws: KCPSendError.messageTooLarge(limit: limit)) {
      try pair.left.send(text(limit + 1), at: pair.now)
    }
    // Once the peer has told its window, that counts.
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    let told = 8 * pair.left.segmentSize
    #expect(throws: KCPSendError.messageTooLarge(limit: told)) {
      try pair.left.send(text(told + 1), at: pair.now)
    }
    try pair.left.send(text(told), at: pair.now)
    pair.run(for: .seconds(1))
    #expect(pair.messages.right.count == 2)
  }

  // MARK: - Blackouts

  @Test(arguments: [1, 5, 30, 59])
  func `after a blackout of any length the first bytes come at once`(_ seconds: Int) throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(seconds) - .milliseconds(13))
    pair.weather.isDown = false
    let returned = pair.now
    #expect(pair.run(until: .seconds(5)) { $0.messages.right.count == 2 })
    #expect(pair.now - returned <= .milliseconds(60 + 250))
  }

  @Test func `a long silence is asked less often, and never less than once in a second`() throws {
    let pair = Pair(configuration(.messages) { $0.deadAfter = .seconds(600) })
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(62))
    let before = pair.sent.left.count
    pair.run(for: .seconds(20))
    #expect((19...21).contains(pair.sent.left.count - before))
  }

  // MARK: - A dead link

  @Test func `a dead link is told once, and nothing is sent any more`() throws {
    let pair = Pair(configuration(.messages) { $0.deadAfter = .seconds(10) })
    pair.weather.isDown = true
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(11))
    #expect(pair.events.left == [.dead(.silence)])
    let sent = pair.sent.left.count
    pair.run(for: .seconds(100))
    #expect(pair.sent.left.count == sent)
    #expect(pair.isQuiet)
    #expect(throws: KCPSendError.dead) { try pair.left.send(text(10), at: pair.now) }
  }

  // MARK: - Unbounded queues, long walks

  @Test func `the queue is bounded, and says when it has room again`() throws {
    let pair = Pair(configuration(.stream) { $0.queueByteCount = 10_000 })
    pair.weather.isDown = true
    var taken = 0
    while (try? pair.left.send(text(1000), at: pair.now)) != nil {
      taken += 1000
      pair.settle()
      guard taken < 1_000_000 else { break }
    }
    #expect(taken < 40_000)
    #expect(throws: KCPSendError.queueFull) { try pair.left.send(text(1000), at: pair.now) }
    #expect(!pair.events.left.contains(.writable))
    pair.weather.isDown = false
    pair.run(for: .seconds(5))
    #expect(pair.events.left == [.writable])
    try pair.left.send(text(1000), at: pair.now)
  }

  @Test func `what is lost is found without looking at what is not`() {
    var log = TransmissionLog(first: 0)
    var detection = LossDetection()
    var roundTrip = RoundTripEstimator()
    let start = Instant.origin
    for number in 0..<10_000 {
      let at = start + Span.microseconds(Int64(number))
      _ = log.append(segment: number, previous: -1, size: 1, epoch: 0, at: at)
    }
    roundTrip.measure(.milliseconds(40), delay: .zero, at: start)
    // The newest arrives: all that was sent more than a quarter earlier is lost, the rest is not.
    let now = start + Span.milliseconds(50)
    _ = log.deliver(9999)
    if let newest = log[9999] { detection.noteNewestArrival(newest, at: now) }
    log.noteArrival(of: 9999, at: now)
    var visited: [Int] = []
    detection.detect(in: &log, roundTrip: roundTrip, at: now) { visited.append($0) }
    #expect(visited.isEmpty)
    detection.detect(in: &log, roundTrip: roundTrip, at: now + Span.milliseconds(1)) {
      visited.append($0)
    }
    let isOldest = visited == Array(0..<1000)
    #expect(isOldest)
    #expect(log.oldestInFlight == 1000)
  }

  // MARK: - An acknowledgement for every segment

  @Test(arguments: [AcknowledgementFormat.segments, .ranges])
  func `segments in order are acknowledged together`(_ format: AcknowledgementFormat) throws {
    let pair = Pair(configuration(.messages) { $0.acknowledgements = format })
    for _ in 0..<8 { try pair.left.send(text(1000), at: pair.now) }
    pair.run(for: .seconds(1))
    #expect(pair.isDrained)
    #expect(pair.sent.right.count <= 3)
    let bytes = pair.sent.right.reduce(0) { $0 + $1.readableBytes }
    #expect(bytes <= 3 * SegmentHeader.byteCount)
  }

  @Test func `numbers out of order are told twice`() throws {
    let pair = Pair(configuration(.messages))
    try pair.left.send(text(10), at: pair.now)
    pair.run(for: .seconds(1))
    let before = pair.sent.right.count
    var count = 0
    pair.intercept = { end, datagram in
      guard end == .left else { return datagram }
      count += 1
      return count == 1 ? ByteBuffer() : datagram
    }
    for _ in 0..<2 { try pair.left.send(text(1000), at: pair.now) }
    pair.run(for: .milliseconds(3))
    try pair.left.send(text(1000), at: pair.now)
    pair.run(for: .milliseconds(31))
    let told = pair.sent.right.dropFirst(before).flatMap { $0.segments() }
    #expect(told.filter { $0.header.sequenceNumber == 2 }.count >= 2)
  }
}
