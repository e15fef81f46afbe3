import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `Closing a session` {
  @Test func `at once resets every stream on both sides and tells why`() throws {
    let pair = Pair()
    pair.attach()
    let opened = try pair.openStream()
    let fresh = try pair.acceptor.open()
    pair.dialler.send("lost", on: opened)
    pair.dialler.session.close(.goingAway, reason: "restart", at: .origin)
    #expect(
      pair.dialler.events() == [
        .reset(opened, .sessionClosed, retryable: false),
        .closed(.closedHere(.goingAway, reason: "restart")),
      ]
    )
    #expect(try pair.dialler.frames() == [.close(.goingAway, reason: "restart")])
    try pair.acceptor.hear(.close(.goingAway, reason: "restart"))
    #expect(
      pair.acceptor.events() == [
        .reset(opened, .sessionClosed, retryable: false),
        .reset(fresh, .sessionClosed, retryable: true),
        .closed(.closedByPeer(.goingAway, reason: "restart")),
      ]
    )
    #expect(pair.isEmpty)
    #expect(pair.acceptor.records().isEmpty)
  }

  @Test func `leaves nothing to say but CLOSE`() throws {
    var limits = SessionLimits()
    limits.concurrentStreams = 1
    let peer = Peer(.dialling, limits: limits)
    peer.attach()
    // Credit for streams is due, and so are facts and data.
    try peer.hear(.open(2), .data(2, at: 0, "", fin: true))
    #expect(peer.read(StreamID(2)) == "‖")
    peer.finish(StreamID(2))
    for record in peer.records() { peer.report(record) }
    peer.send("x", on: try peer.open())
    peer.send("x", on: .control)
    peer.session.close(.normal, reason: "", at: .origin)
    #expect(peer.wantsToSend)
    #expect(try peer.frames() == [.close(.normal, reason: "")])
    #expect(!peer.wantsToSend)
  }

  @Test func `twice closes once`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    peer.session.close(.normal, reason: "a", at: .origin)
    peer.session.close(.goingAway, reason: "b", at: .origin)
    #expect(peer.events() == [.closed(.closedHere(.normal, reason: "a"))])
  }

  @Test func `when drained waits for the streams, and takes no new ones`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("to the end", on: stream)
    let deadline = Instant.origin + .seconds(30)
    pair.dialler.session.closeWhenDrained(
      .normal,
      reason: "",
      deadline: deadline,
      at: .origin
    )
    #expect(pair.dialler.nextDeadline == deadline)
    #expect(throws: OpenRefusal.closing) { try pair.dialler.open() }
    pair.dialler.finish(stream)
    try pair.exchange()
    #expect(pair.acceptor.read(stream) == "to the end‖")
    #expect(!pair.dialler.isClosed)
    pair.acceptor.finish(stream)
    try pair.exchange()
    #expect(pair.dialler.read(stream) == "‖")
    try pair.exchange()
    #expect(pair.dialler.events().last == .closed(.closedHere(.normal, reason: "")))
    #expect(pair.acceptor.events().last == .closed(.closedByPeer(.normal, reason: "")))
  }

  @Test func `leaves what the peer sent completely to be read`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("the tail", on: stream)
    pair.dialler.finish(stream)
    pair.acceptor.finish(stream)
    try pair.exchange()
    #expect(pair.dialler.read(stream) == "‖")
    pair.dialler.session.closeWhenDrained(
      .normal,
      reason: "",
      deadline: Instant.origin + .seconds(30),
      at: .origin
    )
    try pair.exchange()
    #expect(pair.acceptor.isClosed)
    #expect(
      pair.acceptor.events() == [.readable(stream), .closed(.closedByPeer(.normal, reason: ""))]
    )
    #expect(pair.acceptor.read(stream) == "the tail‖")
    #expect(pair.acceptor.events() == [.ended(stream)])
    #expect(pair.acceptor.nextDeadline == nil)
  }

  @Test func `tells a writer once that nobody listens`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("the tail", on: stream)
    pair.dialler.finish(stream)
    pair.dialler.stop(stream, .limitReached)
    // The answer to STOP is on its way when CLOSE comes.
    try pair.carry(from: pair.dialler, to: pair.acceptor)
    #expect(pair.acceptor.records().count == 1)
    try pair.acceptor.hear(.close(.goingAway, reason: ""))
    #expect(pair.acceptor.read(stream) == "the tail‖")
    #expect(
      pair.acceptor.events() == [
        .stopped(stream, .limitReached), .readable(stream),
        .closed(.closedByPeer(.goingAway, reason: "")), .ended(stream),
      ]
    )
  }

  @Test func `tells a writer of no room when nobody listens`() throws {
    var limits = SessionLimits()
    limits.retainedBytes = 1_000
    limits.guaranteedRetainedBytes = 1_000
    let pair = Pair(limits: limits)
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("the tail", on: stream)
    pair.dialler.finish(stream)
    try pair.exchange()
    #expect(!pair.acceptor.send(count: 1_000, on: stream))
    let records = pair.acceptor.records()
    try pair.acceptor.hear(.close(.goingAway, reason: ""))
    for record in records { pair.acceptor.report(record) }
    #expect(
      pair.acceptor.events() == [
        .readable(stream), .stopped(stream, .sessionClosed),
        .closed(.closedByPeer(.goingAway, reason: "")),
      ]
    )
  }

  @Test func `gives slow readers a limited time for what has arrived`() throws {
    let pair = Pair()
    pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("the tail", on: stream)
    pair.dialler.finish(stream)
    try pair.exchange()
    pair.dialler.session.close(.goingAway, reason: "", at: .origin)
    try pair.exchange()
    #expect(
      pair.acceptor.events() == [
        .readable(stream), .stopped(stream, .sessionClosed),
        .closed(.closedByPeer(.goingAway, reason: "")),
      ]
    )
    pair.acceptor.pass(.seconds(29))
    #expect(pair.acceptor.events() == [])
    pair.acceptor.pass(.seconds(1))
    #expect(pair.acceptor.events() == [.reset(stream, .sessionClosed, retryable: false)])
    #expect(pair.acceptor.read(stream) == "")
    #expect(pair.acceptor.nextDeadline == nil)
  }

  @Test func `when drained waits for control messages too`() throws {
    let pair = Pair()
    pair.attach()
    pair.dialler.send("last words", on: .control)
    pair.dialler.session.closeWhenDrained(
      .normal,
      reason: "",
      deadline: Instant.origin + .seconds(30),
      at: .origin
    )
    #expect(!pair.dialler.isClosed)
    try pair.carry(from: pair.dialler, to: pair.acceptor)
    #expect(pair.dialler.isClosed)
    #expect(pair.acceptor.read(.control) == "last words")
  }

  @Test func `when drained happens at once when there is nothing to drain`() throws {
    let peer = Peer(.dialling)
    peer.session.closeWhenDrained(
      .normal,
      reason: "",
      deadline: Instant.origin + .seconds(30),
      at: .origin
    )
    #expect(peer.events() == [.closed(.closedHere(.normal, reason: ""))])
  }

  @Test func `when drained waits no longer than its deadline`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    let stream = try peer.open()
    peer.session.closeWhenDrained(
      .normal,
      reason: "",
      deadline: Instant.origin + .seconds(30),
      at: .origin
    )
    peer.pass(.seconds(29))
    #expect(peer.events() == [])
    peer.pass(.seconds(1))
    #expect(
      peer.events() == [
        .reset(stream, .sessionClosed, retryable: true),
        .closed(.closedHere(.normal, reason: "")),
      ]
    )
  }

  @Test func `gives the process its memory back, and so does dropping it`() throws {
    let budget = MemoryBudget()
    for closes in [true, false] {
      let peer = Peer(.dialling, budget: budget)
      peer.send(count: 1000, on: try peer.open())
      #expect(budget.retainedBytes == 1000)
      if closes { peer.session.close(.normal, reason: "", at: .origin) }
    }
    #expect(budget.retainedBytes == 0)
  }
}
