import HawserPrimitives
import HawserSession
import NIOCore

/// A session in the hands of a test: frames go in by hand, frames and events come out.
final class Peer {
  let side: Side
  let budget: MemoryBudget
  var session: Session
  /// The virtual time.
  var now = Instant.origin

  private var lastLink: UInt64 = 0

  /// A session that nothing is attached to; `grants` are the peer's, by default as our own.
  init(
    _ side: Side,
    limits: SessionLimits = SessionLimits(),
    grants: InitialGrants? = nil,
    grace: Duration = .seconds(90),
    budget: MemoryBudget = MemoryBudget()
  ) {
    self.side = side
    self.budget = budget
    let configuration = SessionConfiguration(
      side: side,
      grace: grace,
      limits: limits,
      peerGrants: grants ?? limits.initialGrants
    )
    session = Session(configuration: configuration, budget: budget, at: .origin)
  }

  // Copies of what a session tells: it cannot be copied itself, as expectations would have to.
  var statistics: SessionStatistics { session.statistics }
  var sendingLink: LinkID? { session.sendingLink }
  var epoch: AttachmentEpoch { session.epoch }
  var isClosed: Bool { session.isClosed }
  var wantsToSend: Bool { session.wantsToSend }
  var nextDeadline: Instant? { session.nextDeadline }

  // MARK: Links

  /// Attaches a link with the next epoch.
  @discardableResult
  func attach(recordSize: Int = 1200) -> LinkID {
    attach(epoch: session.epoch + 1, recordSize: recordSize)
  }

  /// Attaches a link.
  @discardableResult
  func attach(epoch: AttachmentEpoch, recordSize: Int = 1200) -> LinkID {
    lastLink += 1
    let link = LinkID(lastLink)
    session.attach(link, epoch: epoch, maximumRecordSize: recordSize, at: now)
    return link
  }

  func detach(_ link: LinkID) {
    session.detach(link, at: now)
  }

  // MARK: Records

  /// Takes one record of these frames.
  func hear(_ frames: Frame...) throws {
    try hear(record(frames))
  }

  func hear(_ record: ByteBuffer) throws {
    try session.receive(record, at: now)
  }

  /// All records that the session has for its sending link.
  func records() -> [Record] {
    guard let link = session.sendingLink else { return [] }
    var records: [Record] = []
    while true {
      var buffer = ByteBuffer()
      guard let number = session.nextRecord(for: link, into: &buffer, at: now) else { break }
      records.append(Record(number: number, link: link, bytes: buffer))
    }
    return records
  }

  /// The frames of all records that the session has, which are not reported.
  func frames() throws -> [Frame] {
    try records().flatMap { try $0.frames }
  }

  /// The frames of all records that the session has; the peer is said to have them.
  @discardableResult
  func deliveredFrames() throws -> [Frame] {
    let records = records()
    for record in records { report(record) }
    return try records.flatMap { try $0.frames }
  }

  /// The peer has the record.
  func report(_ record: Record) {
    session.delivered(record.number, on: record.link, at: now)
  }

  // MARK: The application

  func open(_ target: OpenTarget = .service(1)) throws -> StreamID {
    try session.open(OpenRequest(target: target), at: now)
  }

  @discardableResult
  func send(_ text: String, on stream: StreamID) -> Bool {
    session.send(ByteBuffer(string: text), on: stream, at: now)
  }

  @discardableResult
  func send(count: Int, on stream: StreamID) -> Bool {
    session.send(ByteBuffer(repeating: 0x2E, count: count), on: stream, at: now)
  }

  func finish(_ stream: StreamID) { session.finish(stream, at: now) }

  func reset(_ stream: StreamID, _ code: StreamErrorCode = .cancelled) {
    session.reset(stream, code: code, at: now)
  }

  func stop(_ stream: StreamID, _ code: StreamErrorCode = .cancelled) {
    session.stop(stream, code: code, at: now)
  }

  /// Everything that can be read now, as text, with a full stop's worth of `‖` at the end of the
  /// stream.
  func read(_ stream: StreamID) -> String {
    var text = ""
    while true {
      switch session.read(stream, upTo: .max, at: now) {
      case .bytes(let bytes): text += String(buffer: bytes)
      case .finished: return text + "‖"
      case .nothing: return text
      }
    }
  }

  /// All events so far.
  func events() -> [SessionEvent] {
    var events: [SessionEvent] = []
    while let event = session.nextEvent() { events.append(event) }
    return events
  }

  /// Lets time pass, with the deadlines that fall into it.
  func pass(_ duration: Duration) {
    let end = now + duration
    while let deadline = session.nextDeadline, deadline <= end {
      now = max(now, deadline)
      session.deadlineReached(at: now)
    }
    now = end
  }
}

/// A record that left a session.
struct Record {
  let number: RecordNumber
  let link: LinkID
  let bytes: ByteBuffer

  var frames: [Frame] {
    get throws {
      var rest = bytes
      var frames: [Frame] = []
      while rest.readableBytes > 0 { frames.append(try Frame(from: &rest)) }
      return frames
    }
  }
}

/// The frames as one record.
func record(_ frames: [Frame]) -> ByteBuffer {
  var buffer = ByteBuffer()
  for frame in frames { frame.write(into: &buffer) }
  return buffer
}

extension Frame {
  /// An OPEN for service 1.
  static func open(_ stream: UInt64) -> Frame {
    .open(StreamID(stream), OpenRequest(target: .service(1)))
  }

  /// A DATA frame of text.
  static func data(_ stream: UInt64, at offset: UInt64, _ text: String, fin: Bool = false) -> Frame
  {
    .data(StreamID(stream), offset: offset, bytes: ByteBuffer(string: text), fin: fin)
  }

  /// A DATA frame of so many bytes.
  static func data(_ stream: UInt64, at offset: UInt64, count: Int) -> Frame {
    let bytes = ByteBuffer(repeating: 0x2E, count: count)
    return .data(StreamID(stream), offset: offset, bytes: bytes, fin: false)
  }
}

/// Two sessions with a network between them that the test holds in its hand.
final class Pair {
  let dialler: Peer
  let acceptor: Peer

  init(limits: SessionLimits = SessionLimits(), grace: Duration = .seconds(90)) {
    dialler = Peer(.dialling, limits: limits, grace: grace)
    acceptor = Peer(.accepting, limits: limits, grace: grace)
  }

  /// Attaches a new link at both ends.
  @discardableResult
  func attach(recordSize: Int = 1200) -> LinkID {
    acceptor.attach(recordSize: recordSize)
    return dialler.attach(recordSize: recordSize)
  }

  /// Cuts the link at both ends.
  func cut(_ link: LinkID) {
    dialler.detach(link)
    acceptor.detach(link)
  }

  /// Carries records both ways, and their reports, until there are no more.
  func exchange() throws {
    while true {
      let count = try carry(from: dialler, to: acceptor) + carry(from: acceptor, to: dialler)
      if count == 0 { return }
    }
  }

  /// Carries what `sender` has; returns the number of records.
  @discardableResult
  func carry(from sender: Peer, to receiver: Peer) throws -> Int {
    let records = sender.records()
    for record in records {
      try receiver.session.receive(record.bytes, at: receiver.now)
      sender.report(record)
    }
    return records.count
  }

  /// Opens a stream from the dialler that the acceptor has accepted; no event is left over.
  func openStream() throws -> StreamID {
    let stream = try dialler.open()
    try exchange()
    acceptor.session.acceptOpen(stream)
    try exchange()
    _ = dialler.events()
    _ = acceptor.events()
    return stream
  }

  /// Whether neither side knows any stream, nor holds any byte.
  var isEmpty: Bool {
    [dialler, acceptor].allSatisfy { peer in
      let statistics = peer.session.statistics
      return statistics.streams == 0 && statistics.retainedBytes == 0
        && statistics.unreadBytes == 0 && statistics.growthBytes == 0
        && statistics.receiveMemory == 0
    }
  }
}
