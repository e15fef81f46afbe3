import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `Credit` {
  private let initial = Int(ProtocolLimits.initialStreamCredit)

  /// A dialler with one stream of the acceptor that has received `count` bytes.
  private func reader(
    of count: Int,
    limits: SessionLimits = SessionLimits(),
    budget: MemoryBudget = MemoryBudget()
  ) throws -> Peer {
    let peer = Peer(.dialling, limits: limits, budget: budget)
    peer.attach()
    try peer.hear(.open(2), .data(2, at: 0, count: count))
    try peer.deliveredFrames()
    return peer
  }

  /// Reads `count` bytes of stream 2.
  private func read(_ count: Int, of stream: UInt64 = 2, from peer: Peer) {
    var rest = count
    while rest > 0 {
      guard
        case .bytes(let bytes) = peer.session.read(StreamID(stream), upTo: rest, at: peer.now)
      else { return }
      rest -= bytes.readableBytes
    }
  }

  /// The limit that the last CREDIT frame of a stream named.
  private func announced(_ stream: UInt64, by peer: Peer) throws -> UInt64? {
    try peer.deliveredFrames().compactMap { frame in
      if case .streamCredit(StreamID(stream), let limit) = frame { limit } else { nil }
    }.last
  }

  @Test func `holds a stream at what was granted, and lets it go on with more`() throws {
    let peer = Peer(.dialling)
    peer.attach(recordSize: 16_000)
    let stream = try peer.open()
    peer.send(count: initial + 10_000, on: stream)
    try peer.deliveredFrames()
    #expect(peer.statistics.bytesSent == UInt64(initial))
    #expect(!peer.wantsToSend)
    try peer.hear(.streamCredit(stream, limit: UInt64(initial + 1)))
    #expect(
      try peer.deliveredFrames()
        == [.data(1, at: UInt64(initial), ".")]
    )
    // A limit below the one that is known means nothing.
    try peer.hear(.streamCredit(stream, limit: 5))
    #expect(!peer.wantsToSend)
  }

  @Test func `of the session holds all streams, the control stream excepted`() throws {
    let grants = InitialGrants(sessionBytes: 1000, streams: 10)
    let peer = Peer(.dialling, grants: grants)
    peer.attach(recordSize: 16_000)
    let first = try peer.open()
    let second = try peer.open()
    peer.send(count: 800, on: first)
    peer.send(count: 800, on: second)
    peer.send("control", on: .control)
    try peer.deliveredFrames()
    #expect(peer.statistics.bytesSent == 1000)
    #expect(!peer.wantsToSend)
    peer.send("control", on: .control)
    #expect(try peer.deliveredFrames() == [.data(0, at: 7, "control")])
    try peer.hear(.sessionCredit(limit: 1600))
    try peer.deliveredFrames()
    #expect(peer.statistics.bytesSent == 1600)
    #expect(peer.statistics.retainedBytes == 0)
  }

  @Test func `used up by new bytes does not hold back what has to be said again`() throws {
    let peer = Peer(.dialling, grants: InitialGrants(sessionBytes: 1000, streams: 10))
    let link = peer.attach()
    let stream = try peer.open()
    peer.send(count: 1500, on: stream)
    _ = try peer.frames()
    peer.detach(link)
    peer.attach()
    let again = try peer.deliveredFrames().reduce(0) { sum, frame in
      if case .data(_, _, let bytes, _) = frame { sum + bytes.readableBytes } else { sum }
    }
    #expect(again == 1000)
    #expect(peer.statistics.bytesSent == 1000)
  }

  @Test func `is given when half of the window was read`() throws {
    let peer = try reader(of: initial)
    read(initial / 2 - 1, from: peer)
    #expect(try announced(2, by: peer) == nil)
    read(1, from: peer)
    #expect(try announced(2, by: peer) == UInt64(initial + initial / 2))
  }

  @Test func `is not given to a stream whose end is known`() throws {
    let peer = try reader(of: initial - 1)
    try peer.hear(.data(2, at: UInt64(initial - 1), ".", fin: true))
    read(initial, from: peer)
    #expect(try announced(2, by: peer) == nil)
  }

  @Test func `is said again when its record was lost, with the latest limit`() throws {
    let peer = try reader(of: initial)
    read(initial / 2, from: peer)
    let lost = peer.records()
    #expect(lost.count == 1)
    peer.pass(.seconds(1))
    read(initial / 2, from: peer)
    peer.detach(try #require(lost.first).link)
    peer.attach()
    #expect(try announced(2, by: peer) == UInt64(2 * initial))
  }

  @Test func `is not forgotten when an older limit was delivered late`() throws {
    let peer = try reader(of: initial)
    read(initial / 2, from: peer)
    let older = peer.records()
    peer.pass(.seconds(1))
    read(initial / 2, from: peer)
    for record in older { peer.report(record) }
    #expect(try announced(2, by: peer) == UInt64(2 * initial))
  }

  @Test func `grows while the reader asks for more within two round trips`() throws {
    let peer = try reader(of: initial)
    peer.session.roundTrip(.milliseconds(50), on: try #require(peer.sendingLink))
    var received = UInt64(initial)
    var limits: [UInt64] = []
    for _ in 0..<3 {
      read(.max, from: peer)
      let limit = try #require(try announced(2, by: peer))
      limits.append(limit - received)
      peer.pass(.milliseconds(100))
      try peer.hear(.data(2, at: received, count: Int(limit - received)))
      received = limit
    }
    #expect(limits.map(Int.init) == [initial, 2 * initial, 4 * initial])
    #expect(peer.statistics.growthBytes == 3 * initial)
    #expect(peer.budget.receiveBytes == 3 * initial)
    // Then it comes slower, and stays.
    read(.max, from: peer)
    peer.pass(.seconds(1))
    try peer.deliveredFrames()
    #expect(peer.statistics.growthBytes >= 3 * initial)
    // And it goes with the stream.
    peer.session.abort(StreamID(2), code: .cancelled, at: peer.now)
    try peer.hear(.reset(StreamID(2), .cancelled, finalSize: received, retryable: false))
    try peer.deliveredFrames()
    #expect(peer.budget.receiveBytes == 0)
  }

  @Test func `does not grow for a reader that is slower than the path`() throws {
    let peer = try reader(of: initial)
    peer.session.roundTrip(.milliseconds(10), on: try #require(peer.sendingLink))
    var received = UInt64(initial)
    for _ in 0..<4 {
      peer.pass(.seconds(1))
      read(.max, from: peer)
      let limit = try #require(try announced(2, by: peer))
      #expect(limit - received <= UInt64(initial))
      try peer.hear(.data(2, at: received, count: Int(limit - received)))
      received = limit
    }
    #expect(peer.statistics.growthBytes == 0)
  }

  @Test func `does not grow beyond the process's budget`() throws {
    let budget = MemoryBudget(receiveBytes: 100)
    let peer = try reader(of: initial, budget: budget)
    var received = UInt64(initial)
    for _ in 0..<4 {
      read(.max, from: peer)
      let limit = try #require(try announced(2, by: peer))
      #expect(limit - received == UInt64(initial))
      try peer.hear(.data(2, at: received, count: Int(limit - received)))
      received = limit
    }
    #expect(budget.receiveBytes == 0)
  }

  @Test func `that a stalled reader holds goes to one that reads, and its stream is reset`()
    throws
  {
    var limits = SessionLimits()
    limits.growthBytes = initial
    limits.stalledReaderPatience = .seconds(10)
    let peer = try reader(of: initial, limits: limits)
    // Stream 2 grows, and is then read no more.
    read(initial, from: peer)
    let grown = try #require(try announced(2, by: peer))
    try peer.hear(.data(2, at: UInt64(initial), count: Int(grown) - initial))
    read(initial, from: peer)
    let limit = try #require(try announced(2, by: peer))
    try peer.hear(.data(2, at: grown, count: Int(limit - grown)))
    #expect(peer.statistics.growthBytes == initial)
    _ = peer.events()
    // Stream 4 would grow: not while there is hope, …
    try peer.hear(.open(4), .data(4, at: 0, count: initial))
    read(initial, of: 4, from: peer)
    var received = try #require(try announced(4, by: peer))
    try peer.hear(.data(4, at: UInt64(initial), count: Int(received) - initial))
    peer.pass(.seconds(9))
    read(initial, of: 4, from: peer)
    #expect(peer.events().contains(.reset(StreamID(2), .stalled, retryable: false)) == false)
    // … but then.
    for _ in 0..<3 {
      peer.pass(.milliseconds(600))
      let next = try announced(4, by: peer) ?? received
      try peer.hear(.data(4, at: received, count: Int(next - received)))
      received = next
      peer.session.roundTrip(.seconds(1), on: try #require(peer.sendingLink))
      read(.max, of: 4, from: peer)
    }
    #expect(peer.events().contains(.reset(StreamID(2), .stalled, retryable: false)))
    #expect(peer.read(StreamID(2)) == "")
  }

  @Test func `for streams is given as they end`() throws {
    var limits = SessionLimits()
    limits.concurrentStreams = 8
    let pair = Pair(limits: limits)
    pair.attach()
    let streams = try (0..<8).map { _ in try pair.dialler.open() }
    #expect(throws: OpenRefusal.noStreamCredit) { try pair.dialler.open() }
    try pair.exchange()
    for stream in streams {
      pair.dialler.finish(stream)
      pair.acceptor.finish(stream)
    }
    try pair.exchange()
    for stream in streams {
      #expect(pair.acceptor.read(stream) == "‖")
      #expect(pair.dialler.read(stream) == "‖")
    }
    try pair.exchange()
    #expect(pair.dialler.events().filter { $0 == .streamsAvailable }.count == 1)
    for _ in 0..<8 { _ = try pair.dialler.open() }
    #expect(throws: OpenRefusal.noStreamCredit) { try pair.dialler.open() }
  }

  @Test func `refuses a request that fits no frame`() {
    let peer = Peer(.dialling)
    let request = OpenRequest(target: .address(String(repeating: "x", count: 2000)))
    #expect(throws: OpenRefusal.requestTooLong) { try peer.session.open(request, at: .origin) }
  }
}

struct `Room to send` {
  @Test func `is refused when a stream has enough unsent, and given when some was sent`() throws {
    var limits = SessionLimits()
    limits.unsentStreamBytes = 10_000
    let peer = Peer(.dialling, limits: limits)
    let stream = try peer.open()
    #expect(peer.send(count: 9_999, on: stream))
    #expect(!peer.send(count: 1, on: stream))
    #expect(peer.events() == [])
    peer.attach()
    _ = peer.records()
    #expect(peer.events() == [.writable(stream)])
    #expect(peer.send(count: 1, on: stream))
  }

  @Test func `of the session is shared, each stream keeping its guarantee`() throws {
    var limits = SessionLimits()
    limits.retainedBytes = 100_000
    limits.guaranteedRetainedBytes = 1_000
    let peer = Peer(.dialling, limits: limits)
    let bulk = try peer.open()
    let small = try peer.open()
    #expect(!peer.send(count: 100_000, on: bulk))
    #expect(peer.send(count: 999, on: small))
    #expect(!peer.send(count: 1, on: small))
    peer.attach()
    try peer.deliveredFrames()
    #expect(Set(peer.events()) == [.writable(bulk), .writable(small)])
  }

  @Test func `within its guarantee comes back to a stream while another holds all the rest`() throws
  {
    var limits = SessionLimits()
    limits.retainedBytes = 100_000
    limits.guaranteedRetainedBytes = 1_000
    let peer = Peer(.dialling, limits: limits)
    peer.attach(recordSize: 16_000)
    let bulk = try peer.open()
    let small = try peer.open()
    // The reader of the bulk takes nothing, so the bulk stays.
    peer.send(count: 200_000, on: bulk)
    try peer.deliveredFrames()
    #expect(peer.statistics.retainedBytes > 100_000)
    #expect(!peer.send(count: 1_000, on: small))
    let records = peer.records()
    #expect(peer.events() == [])
    for record in records { peer.report(record) }
    #expect(peer.events() == [.writable(small)])
  }

  @Test func `of the process is shared by its sessions`() throws {
    let budget = MemoryBudget(retainedBytes: 100_000)
    let first = Peer(.dialling, budget: budget)
    let second = Peer(.dialling, budget: budget)
    let bulk = try first.open()
    let other = try second.open()
    #expect(!first.send(count: 100_000, on: bulk))
    let guarantee = SessionLimits().guaranteedRetainedBytes
    #expect(second.send(count: guarantee - 1, on: other))
    #expect(!second.send(count: 1, on: other))
    first.session.close(.normal, reason: "", at: .origin)
    #expect(budget.retainedBytes == guarantee)
    second.attach(recordSize: 16_000)
    _ = try second.deliveredFrames()
    #expect(second.events() == [.writable(other)])
    #expect(budget.retainedBytes == 0)
  }

  @Test func `is given back by a reset`() throws {
    var limits = SessionLimits()
    limits.retainedBytes = 100_000
    limits.guaranteedRetainedBytes = 1_000
    let peer = Peer(.dialling, limits: limits)
    let bulk = try peer.open()
    let small = try peer.open()
    peer.send(count: 100_000, on: bulk)
    #expect(!peer.send(count: 1_000, on: small))
    peer.reset(bulk)
    #expect(peer.events() == [.writable(small)])
    #expect(peer.statistics.retainedBytes == 1_000)
  }

  @Test func `of the control stream comes back as its bytes are delivered`() throws {
    var limits = SessionLimits()
    limits.unsentStreamBytes = 1_000
    let peer = Peer(.dialling, limits: limits)
    #expect(!peer.send(count: 1_000, on: .control))
    peer.attach()
    try peer.deliveredFrames()
    #expect(peer.events() == [.writable(.control)])
  }
}
