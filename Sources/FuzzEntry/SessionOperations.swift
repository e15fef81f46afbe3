internal import HawserPrimitives
internal import HawserSession
internal import struct NIOCore.ByteBuffer

/// A session under operations that bytes choose: records from a hostile peer, links that come and
/// go, an application that does anything at any time.
///
/// Each operation is a byte that chooses it, and a byte that is its argument; a record is followed
/// by its bytes. Limits are small, so that short inputs reach them.
struct SessionOperations: ~Copyable {
  private var session: Session
  private let budget: MemoryBudget
  private var rest: ArraySlice<UInt8>
  private var now = Instant.origin
  private var epoch: AttachmentEpoch = 0
  private var links: [LinkID] = []
  private var sent: [(link: LinkID, record: RecordNumber)] = []
  private var streams: [StreamID] = [.control]

  private static let recordSize = ProtocolLimits.minimumRecordSize

  /// Runs `input` to its end; see ``FuzzTarget/complaint(about:)``.
  static func complaint(about input: [UInt8]) -> String? {
    let budget = MemoryBudget(receiveBytes: 1 << 20, retainedBytes: 1 << 20)
    if let complaint = run(input, budget: budget) { return complaint }
    guard budget.receiveBytes == 0, budget.retainedBytes == 0 else {
      return "a session that is gone holds memory"
    }
    return nil
  }

  private static func run(_ input: [UInt8], budget: MemoryBudget) -> String? {
    var operations = SessionOperations(input, budget: budget)
    return operations.run()
  }

  private init(_ input: [UInt8], budget: MemoryBudget) {
    var limits = SessionLimits()
    limits.concurrentStreams = 8
    limits.growthBytes = 512 << 10
    limits.retainedBytes = 256 << 10
    limits.reassemblyGaps = 16
    limits.uncreditedFrameBurst = 1000
    self.budget = budget
    session = Session(
      configuration: SessionConfiguration(
        side: input.first.map { $0 % 2 == 0 } ?? true ? .accepting : .dialling,
        grace: .seconds(5),
        limits: limits,
        peerGrants: InitialGrants(sessionBytes: 100_000, streams: 4)
      ),
      budget: budget,
      at: now
    )
    rest = input.dropFirst()
  }

  private mutating func run() -> String? {
    while let operation = rest.popFirst(), let argument = rest.popFirst() {
      now = now + .milliseconds(Int(argument) / 8)
      // Most operations are records: the peer is who must not do harm.
      switch operation % 24 {
      case ..<8: receive(count: Int(argument))
      case 8, 9: attach()
      case 10: detach(argument)
      case 11, 12, 13: transmit()
      case 14: deliver(argument)
      case 15: waitUntilDeadline()
      default: act(operation % 24, on: stream(argument), argument)
      }
      if let complaint = drain() { return complaint }
    }
    return nil
  }

  // MARK: - Links

  private mutating func receive(count: Int) {
    guard let link = links.last else { return attach() }
    let record = ByteBuffer(bytes: rest.prefix(count))
    rest = rest.dropFirst(count)
    // A violation closes the session; that it does is all there is to it.
    try? session.receive(record, on: link, at: now)
  }

  private mutating func attach() {
    epoch += 1
    let link = LinkID(epoch)
    links.append(link)
    session.attach(link, epoch: epoch, maximumRecordSize: Self.recordSize, at: now)
  }

  private mutating func detach(_ argument: UInt8) {
    guard !links.isEmpty else { return }
    session.detach(links.remove(at: Int(argument) % links.count), at: now)
  }

  private mutating func transmit() {
    var buffer = ByteBuffer()
    guard let link = session.sendingLink,
      let record = session.nextRecord(for: link, into: &buffer, at: now)
    else { return }
    sent.append((link, record))
  }

  private mutating func deliver(_ argument: UInt8) {
    guard !sent.isEmpty else { return }
    let (link, record) = sent.remove(at: Int(argument) % sent.count)
    session.delivered(record, on: link, at: now)
  }

  private mutating func waitUntilDeadline() {
    guard let deadline = session.nextDeadline else { return }
    now = max(now, deadline)
    session.deadlineReached(at: now)
  }

  // MARK: - Application

  private func stream(_ argument: UInt8) -> StreamID {
    streams[Int(argument) % streams.count]
  }

  private mutating func act(_ operation: UInt8, on stream: StreamID, _ argument: UInt8) {
    switch operation {
    case 16:
      if let id = try? session.open(OpenRequest(target: .service(1)), at: now) {
        streams.append(id)
      }
    case 17:
      let bytes = ByteBuffer(repeating: argument, count: Int(argument) * 64)
      _ = session.send(bytes, on: stream, at: now)
    case 18: session.finish(stream, at: now)
    case 19: session.reset(stream, code: .cancelled, at: now)
    case 20: session.stop(stream, code: .cancelled, at: now)
    case 21: session.acceptOpen(stream)
    case 22 where argument == 255: session.close(.normal, reason: "", at: now)
    case 22:
      let deadline = now + .seconds(1)
      session.closeWhenDrained(.goingAway, reason: "", deadline: deadline, at: now)
    default: while case .bytes = session.read(stream, upTo: 4096, at: now) {}
    }
  }

  // MARK: - Properties

  private mutating func drain() -> String? {
    while let event = session.nextEvent() {
      if case .incoming(let id, _) = event { streams.append(id) }
    }
    let statistics = session.statistics
    guard statistics.retainedBytes >= 0, statistics.unreadBytes >= 0 else {
      return "negative accounts"
    }
    // Eight streams of the peer and the few that it granted, each with its first credit, and
    // growth. Reassembly counts in slabs of 16 KiB, so holes cost up to one slab each.
    let most = (1 << 20) + 16 * (64 << 10) + 16 * 16 * (16 << 10)
    guard statistics.receiveMemory <= most else {
      return "it holds \(statistics.receiveMemory) bytes"
    }
    return nil
  }
}
