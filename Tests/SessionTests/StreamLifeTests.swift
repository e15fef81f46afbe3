import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `A stream` {
  @Test func `is offered with its request, and opened when the acceptor says so`() throws {
    let pair = Pair()
    pair.attach()
    let request = OpenRequest(
      target: .address("unix:/run/x"),
      metadata: [.clientAddress("192.0.2.1:5")]
    )
    let stream = try pair.dialler.session.open(request, at: .origin)
    #expect(stream == StreamID(1))
    try pair.exchange()
    #expect(pair.acceptor.events() == [.incoming(stream, request)])
    #expect(pair.dialler.events() == [])
    pair.acceptor.session.acceptOpen(stream)
    try pair.exchange()
    #expect(pair.dialler.events() == [.opened(stream)])
  }

  @Test func `has an odd id from the dialling side and an even one from the other`() throws {
    let pair = Pair()
    #expect(try pair.dialler.open() == StreamID(1))
    #expect(try pair.dialler.open() == StreamID(3))
    #expect(try pair.acceptor.open() == StreamID(2))
    #expect(try pair.acceptor.open() == StreamID(4))
  }

  @Test func `carries bytes with its OPEN, before any answer`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.dialler.open()
    pair.dialler.send("first", on: stream)
    #expect(pair.dialler.records().count == 1)
  }

  @Test func `carries bytes both ways and ends by halves`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("question", on: stream)
    pair.dialler.finish(stream)
    try pair.exchange()
    #expect(pair.acceptor.events() == [.readable(stream)])
    #expect(pair.acceptor.read(stream) == "question‖")
    pair.acceptor.send("answer", on: stream)
    try pair.exchange()
    #expect(pair.dialler.events() == [.readable(stream)])
    #expect(pair.dialler.read(stream) == "answer")
    pair.acceptor.send(", more", on: stream)
    pair.acceptor.finish(stream)
    try pair.exchange()
    #expect(pair.dialler.read(stream) == ", more‖")
    try pair.exchange()
    #expect(pair.dialler.events() == [.readable(stream), .ended(stream)])
    #expect(pair.acceptor.events() == [.ended(stream)])
    #expect(pair.isEmpty)
  }

  @Test func `ends without a byte`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.finish(stream)
    pair.acceptor.finish(stream)
    try pair.exchange()
    #expect(pair.acceptor.read(stream) == "‖")
    #expect(pair.dialler.read(stream) == "‖")
    #expect(pair.isEmpty)
  }

  @Test func `says that it is readable once until all was read`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("a", on: stream)
    try pair.exchange()
    pair.dialler.send("b", on: stream)
    try pair.exchange()
    #expect(pair.acceptor.events() == [.readable(stream)])
    #expect(pair.acceptor.read(stream) == "ab")
    pair.dialler.send("c", on: stream)
    try pair.exchange()
    #expect(pair.acceptor.events() == [.readable(stream)])
  }

  @Test func `is read in pieces of the size that is asked for`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("abcde", on: stream)
    try pair.exchange()
    let first = pair.acceptor.session.read(stream, upTo: 2, at: .origin)
    #expect(first == .bytes(ByteBuffer(string: "ab")))
    #expect(pair.acceptor.read(stream) == "cde")
  }

  @Test(arguments: [true, false])
  func `is reset in one direction, and its unread bytes are gone`(byDialler: Bool) throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    let (sender, reader) = byDialler ? (pair.dialler, pair.acceptor) : (pair.acceptor, pair.dialler)
    sender.send("lost", on: stream)
    try pair.exchange()
    sender.session.reset(stream, code: .connectionReset, retryable: true, at: .origin)
    try pair.exchange()
    let events = reader.events()
    #expect(
      events == [.readable(stream), .reset(stream, .connectionReset, retryable: true)]
    )
    #expect(reader.read(stream) == "")
    // The other direction lives.
    reader.send("still here", on: stream)
    reader.finish(stream)
    try pair.exchange()
    #expect(sender.read(stream) == "still here‖")
    try pair.exchange()
    #expect(sender.events().last == .ended(stream))
    #expect(reader.events().last == .ended(stream))
    #expect(pair.isEmpty)
  }

  @Test func `says its final size when reset, and counts nothing that was not sent`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    let stream = try peer.open()
    peer.send("sent", on: stream)
    _ = try peer.frames()
    peer.send("never sent", on: stream)
    peer.reset(stream, .timeout)
    #expect(
      try peer.frames() == [.reset(stream, .timeout, finalSize: 4, retryable: false)]
    )
    #expect(peer.statistics.retainedBytes == 0)
  }

  @Test func `gives the session's credit for skipped bytes back when reset`() throws {
    // Credit for little more than two streams' windows: lost credit would show.
    var limits = SessionLimits()
    limits.concurrentStreams = 1
    limits.growthBytes = 0
    let pair = Pair(limits: limits)
    pair.attach(recordSize: 16_000)
    for _ in 0..<20 {
      let stream = try pair.openStream()
      pair.dialler.send(count: 60_000, on: stream)
      // The records vanish with the link, so only the final size tells of the bytes.
      let records = pair.dialler.records()
      #expect(records.count > 1)
      pair.cut(records[0].link)
      pair.dialler.session.abort(stream, code: .cancelled, at: .origin)
      pair.attach(recordSize: 16_000)
      try pair.exchange()
      pair.acceptor.session.abort(stream, code: .cancelled, at: .origin)
      try pair.exchange()
      #expect(pair.isEmpty)
    }
    #expect(pair.dialler.statistics.bytesSent == 1_200_000)
  }

  @Test func `answers STOP with RESET, and tells its writer`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("unwanted", on: stream)
    try pair.exchange()
    pair.acceptor.stop(stream, .limitReached)
    #expect(pair.acceptor.read(stream) == "")
    try pair.exchange()
    #expect(pair.dialler.events() == [.stopped(stream, .limitReached)])
    #expect(pair.dialler.send("dropped", on: stream))
    #expect(pair.dialler.statistics.retainedBytes == 0)
    // A reset that was asked for is no news to the reader.
    #expect(pair.acceptor.events() == [.readable(stream)])
    pair.acceptor.finish(stream)
    try pair.exchange()
    #expect(pair.dialler.read(stream) == "‖")
    #expect(pair.isEmpty)
  }

  @Test func `answers STOP with FIN when everything was said`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("all", on: stream)
    pair.dialler.finish(stream)
    try pair.carry(from: pair.dialler, to: pair.acceptor)
    pair.acceptor.stop(stream)
    pair.acceptor.finish(stream)
    try pair.exchange()
    #expect(pair.dialler.read(stream) == "‖")
    try pair.exchange()
    #expect(pair.isEmpty)
  }

  @Test func `is read to its end when all of it came before a reset`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("all of it", on: stream)
    pair.dialler.finish(stream)
    // The report on it does not come back before the application changes its mind.
    for record in pair.dialler.records() { try pair.acceptor.hear(record.bytes) }
    pair.dialler.reset(stream)
    try pair.exchange()
    #expect(pair.acceptor.events() == [.readable(stream)])
    #expect(pair.acceptor.read(stream) == "all of it‖")
  }

  @Test func `is refused by a reset before it was opened`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.dialler.open()
    try pair.exchange()
    pair.acceptor.session.abort(
      stream,
      code: .targetUnreachable,
      retryable: true,
      at: .origin
    )
    try pair.exchange()
    #expect(
      pair.dialler.events() == [
        .stopped(stream, .targetUnreachable),
        .reset(stream, .targetUnreachable, retryable: true),
        .ended(stream),
      ]
    )
    #expect(pair.isEmpty)
  }

  @Test func `is reset at once by its opener, whether or not OPEN was sent`() throws {
    let pair = Pair()
    let stream = try pair.dialler.open()
    pair.dialler.send("never mind", on: stream)
    pair.dialler.session.abort(stream, code: .cancelled, at: .origin)
    pair.attach()
    try pair.exchange()
    #expect(
      pair.acceptor.events().starts(with: [
        .incoming(stream, OpenRequest(target: .service(1)))
      ])
    )
    pair.acceptor.session.abort(stream, code: .cancelled, at: .origin)
    try pair.exchange()
    #expect(pair.isEmpty)
  }
}
