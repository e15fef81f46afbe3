import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `The loss of a link` {
  /// Text long enough for several records.
  private let text = (0..<600).map { "line \($0);" }.joined()

  /// How much of what was in flight arrived, and how much of that was reported.
  enum Part: CaseIterable {
    case nothing, half, all
    func take(_ records: [Record]) -> ArraySlice<Record> {
      switch self {
      case .nothing: records[..<0]
      case .half: records[..<(records.count / 2)]
      case .all: records[...]
      }
    }
  }

  @Test(arguments: Part.allCases, Part.allCases)
  func `loses no byte and repeats none`(arrived: Part, reported: Part) throws {
    let pair = Pair()
    let link = pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send(text, on: stream)
    pair.dialler.finish(stream)
    pair.acceptor.send(text, on: stream)
    pair.acceptor.finish(stream)
    for (sender, reader) in [(pair.dialler, pair.acceptor), (pair.acceptor, pair.dialler)] {
      let records = sender.records()
      #expect(records.count > 3)
      let through = Array(arrived.take(records))
      for record in through { try reader.hear(record.bytes) }
      for record in reported.take(through) { sender.report(record) }
    }
    pair.cut(link)
    pair.attach()
    try pair.exchange()
    #expect(pair.acceptor.read(stream) == text + "‖")
    #expect(pair.dialler.read(stream) == text + "‖")
    try pair.exchange()
    #expect(pair.isEmpty)
  }

  @Test(arguments: Part.allCases)
  func `keeps every other fact`(arrived: Part) throws {
    let pair = Pair()
    let link = pair.attach()
    let stopped = try pair.openStream()
    let reset = try pair.openStream()
    let fresh = try pair.dialler.open()
    pair.dialler.stop(stopped, .limitReached)
    pair.dialler.reset(reset, .timeout)
    pair.dialler.send("control", on: .control)
    let records = pair.dialler.records()
    for record in arrived.take(records) { try pair.acceptor.hear(record.bytes) }
    pair.cut(link)
    pair.attach()
    try pair.exchange()
    let events = pair.acceptor.events()
    #expect(events.contains(.incoming(fresh, OpenRequest(target: .service(1)))))
    #expect(events.contains(.stopped(stopped, .limitReached)))
    #expect(events.contains(.reset(reset, .timeout, retryable: false)))
    #expect(events.count == 4)
    #expect(pair.acceptor.read(.control) == "control")
  }

  @Test func `keeps a FIN that was sent after everything had been reported`() throws {
    let pair = Pair()
    let link = pair.attach()
    let stream = try pair.openStream()
    pair.dialler.send("all", on: stream)
    try pair.exchange()
    pair.dialler.finish(stream)
    #expect(pair.dialler.records().count == 1)
    pair.cut(link)
    pair.attach()
    try pair.exchange()
    #expect(pair.acceptor.read(stream) == "all‖")
  }

  @Test func `keeps an OPEN although everything said after it arrived`() throws {
    let pair = Pair()
    let link = pair.attach()
    let stream = try pair.dialler.open()
    let open = pair.dialler.records()
    pair.dialler.send("x", on: stream)
    pair.dialler.finish(stream)
    pair.dialler.stop(stream)
    try pair.exchange()
    // Both directions are over, yet the acceptor has heard of no OPEN.
    #expect(pair.acceptor.events() == [])
    #expect(pair.dialler.statistics.streams == 1)
    #expect(open.count == 1)
    pair.cut(link)
    pair.attach()
    try pair.exchange()
    #expect(pair.acceptor.read(stream) == "x‖")
    try pair.exchange()
    #expect(pair.isEmpty)
  }

  @Test func `over and over lets everything through in the end`() throws {
    let pair = Pair()
    let stream = try pair.dialler.open()
    pair.dialler.send(text, on: stream)
    pair.dialler.finish(stream)
    for _ in 0..<50 {
      let link = pair.attach()
      // One record gets through each time, and is reported every other time.
      if let record = pair.dialler.records().first {
        try pair.acceptor.hear(record.bytes)
        if pair.dialler.epoch % 2 == 0 { pair.dialler.report(record) }
      }
      pair.cut(link)
    }
    pair.attach()
    try pair.exchange()
    #expect(pair.acceptor.read(stream) == text + "‖")
  }

  @Test func `is only counted once`() throws {
    let peer = Peer(.dialling)
    let link = peer.attach()
    let stream = try peer.open()
    peer.send("x", on: stream)
    _ = try peer.frames()
    peer.detach(link)
    peer.detach(link)
    peer.detach(LinkID(99))
    peer.attach()
    #expect(try peer.frames() == [.open(1), .data(1, at: 0, "x")])
    #expect(try peer.frames() == [])
  }

  @Test func `starts grace, which an attachment ends`() throws {
    let peer = Peer(.dialling, grace: .seconds(10))
    let link = peer.attach()
    #expect(peer.statistics.graceEnds == nil)
    #expect(peer.nextDeadline == nil)
    peer.pass(.seconds(5))
    peer.detach(link)
    #expect(peer.statistics.graceEnds == Instant.origin + .seconds(15))
    peer.pass(.seconds(9))
    peer.attach()
    #expect(peer.nextDeadline == nil)
    peer.pass(.seconds(60))
    #expect(peer.events() == [])
  }

  @Test func `for longer than grace resets every stream and frees everything`() throws {
    let pair = Pair(grace: .seconds(10))
    let link = pair.attach()
    let opened = try pair.openStream()
    let fresh = try pair.dialler.open()
    pair.dialler.send(text, on: opened)
    pair.cut(link)
    for peer in [pair.dialler, pair.acceptor] {
      peer.pass(.milliseconds(9_999))
      #expect(peer.events() == [])
      peer.pass(.milliseconds(1))
    }
    #expect(
      pair.dialler.events() == [
        .reset(opened, .graceExpired, retryable: false),
        .reset(fresh, .graceExpired, retryable: true),
        .closed(.graceExpired),
      ]
    )
    #expect(
      pair.acceptor.events() == [
        .reset(opened, .graceExpired, retryable: false), .closed(.graceExpired),
      ]
    )
    #expect(pair.isEmpty)
    #expect(pair.dialler.budget.retainedBytes == 0)
    #expect(throws: OpenRefusal.closing) { try pair.dialler.open() }
    #expect(pair.dialler.nextDeadline == nil)
  }
}

struct `Two links at once` {
  @Test func `send on the one of the higher epoch, and move there what was not reported`() throws {
    let peer = Peer(.dialling)
    let first = peer.attach()
    let stream = try peer.open()
    peer.send("abc", on: stream)
    let old = peer.records()
    let second = peer.attach()
    #expect(peer.sendingLink == second)
    var buffer = ByteBuffer()
    #expect(peer.session.nextRecord(for: first, into: &buffer, at: .origin) == nil)
    let new = peer.records()
    #expect(try new.flatMap { try $0.frames } == [.open(1), .data(1, at: 0, "abc")])
    // The older link's report still counts.
    for record in old { peer.report(record) }
    #expect(peer.statistics.retainedBytes == 0)
    for record in new { peer.report(record) }
    peer.detach(first)
    #expect(try peer.frames() == [])
  }

  @Test func `receive on both`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    peer.attach()
    try peer.session.receive(record([.data(2, at: 0, "a")]), at: .origin)
    try peer.session.receive(record([.open(2)]), at: .origin)
    try peer.session.receive(record([.data(2, at: 1, "b")]), at: .origin)
    #expect(peer.read(StreamID(2)) == "ab")
  }

  @Test func `need no grace when the older one dies`() throws {
    let peer = Peer(.dialling)
    let first = peer.attach()
    let second = peer.attach()
    peer.detach(first)
    #expect(peer.sendingLink == second)
    #expect(peer.nextDeadline == nil)
    peer.detach(second)
    #expect(peer.sendingLink == nil)
    #expect(peer.nextDeadline != nil)
  }

  @Test func `refuse an epoch that is not higher`() throws {
    let peer = Peer(.dialling)
    let link = peer.attach(epoch: 5)
    peer.attach(epoch: 5)
    peer.attach(epoch: 4)
    #expect(peer.sendingLink == link)
    #expect(peer.epoch == 5)
  }
}

struct `A link's record size` {
  private let text = String(repeating: "0123456789", count: 2000)

  @Test func `is kept by every record`() throws {
    let peer = Peer(.dialling)
    peer.attach(recordSize: 1100)
    for _ in 0..<50 {
      peer.send(count: 500, on: try peer.open())
      peer.send(count: 30, on: .control)
    }
    let records = peer.records()
    #expect(records.allSatisfy { $0.bytes.readableBytes <= 1100 })
    #expect(records.filter { $0.bytes.readableBytes < 900 }.count <= 2)
  }

  @Test func `that shrinks holds for what is sent from then on`() throws {
    let pair = Pair()
    let link = pair.attach(recordSize: 16_000)
    let stream = try pair.openStream()
    pair.dialler.send(text, on: stream)
    var buffer = ByteBuffer()
    let number = try #require(
      pair.dialler.session.nextRecord(for: link, into: &buffer, at: .origin)
    )
    #expect(buffer.readableBytes > 15_000)
    pair.dialler.session.setMaximumRecordSize(1100, on: link)
    // The large record is given up, and said again in small ones.
    pair.dialler.session.abandon(number, on: link, at: .origin)
    let records = pair.dialler.records()
    #expect(records.allSatisfy { $0.bytes.readableBytes <= 1100 })
    for record in records {
      try pair.acceptor.hear(record.bytes)
      pair.dialler.report(record)
    }
    #expect(pair.acceptor.read(stream) == text)
    #expect(pair.dialler.statistics.retainedBytes == 0)
    // A report on the one that was given up comes too late to matter.
    pair.dialler.session.delivered(number, on: link, at: .origin)
    pair.dialler.session.abandon(number, on: link, at: .origin)
    #expect(pair.dialler.records().isEmpty)
  }
}

struct `Delivery reports` {
  @Test func `count in any order, twice, and for records that never were`() throws {
    let peer = Peer(.dialling)
    let link = peer.attach()
    let stream = try peer.open()
    peer.send(count: 5_000, on: stream)
    let records = peer.records()
    #expect(records.first?.number == RecordNumber(1))
    for record in records.reversed() {
      peer.report(record)
      peer.report(record)
    }
    #expect(peer.statistics.retainedBytes == 0)
    peer.session.delivered(RecordNumber(0), on: link, at: .origin)
    peer.session.delivered(RecordNumber(999), on: link, at: .origin)
    peer.session.delivered(RecordNumber(.max), on: link, at: .origin)
    peer.session.delivered(RecordNumber(1), on: LinkID(99), at: .origin)
    #expect(!peer.wantsToSend)
  }

  @Test func `that are missing stop a link at its limit`() throws {
    var limits = SessionLimits()
    limits.unreportedRecords = 3
    let peer = Peer(.dialling, limits: limits)
    peer.attach()
    let stream = try peer.open()
    peer.send(count: 20_000, on: stream)
    let records = peer.records()
    #expect(records.count == 3)
    for record in records { peer.report(record) }
    #expect(peer.records().count == 3)
  }
}
