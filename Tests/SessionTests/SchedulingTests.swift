import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `The order of sending` {
  private let recordSize = 1200

  /// The streams of the DATA frames in `records`, with the bytes of each.
  private func shares(_ records: some Sequence<Record>) throws -> [StreamID: Int] {
    var shares: [StreamID: Int] = [:]
    for record in records {
      for case .data(let stream, _, let bytes, _) in try record.frames {
        shares[stream, default: 0] += bytes.readableBytes
      }
    }
    return shares
  }

  @Test func `puts control messages before data`() throws {
    let peer = Peer(.dialling)
    peer.attach(recordSize: recordSize)
    let bulk = try peer.open()
    peer.send(count: 50_000, on: bulk)
    var buffer = ByteBuffer()
    let link = try #require(peer.sendingLink)
    _ = peer.session.nextRecord(for: link, into: &buffer, at: .origin)
    peer.send("urgent", on: .control)
    peer.stop(bulk)
    let next = try #require(peer.records().first)
    let frames = try next.frames
    #expect(frames.first == .stop(bulk, .cancelled))
    #expect(frames.dropFirst().first == .data(0, at: 0, "urgent"))
  }

  @Test func `gives bulk streams equal shares`() throws {
    let peer = Peer(.dialling)
    peer.attach(recordSize: recordSize)
    let streams = try (0..<4).map { _ in try peer.open() }
    for stream in streams { peer.send(count: 60_000, on: stream) }
    let shares = try shares(peer.records().prefix(101).dropFirst())
    let counts = streams.map { shares[$0] ?? 0 }
    let spread = (counts.max() ?? 0) - (counts.min() ?? 0)
    #expect(spread <= 2 * recordSize, "\(counts)")
  }

  @Test func `lets a quiet stream go before bulk`() throws {
    let peer = Peer(.dialling)
    peer.attach(recordSize: recordSize)
    let bulk = try (0..<4).map { _ in try peer.open() }
    for stream in bulk { peer.send(count: 50_000, on: stream) }
    let quiet = try peer.open()
    let link = try #require(peer.sendingLink)
    for _ in 0..<20 {
      var buffer = ByteBuffer()
      _ = peer.session.nextRecord(for: link, into: &buffer, at: .origin)
    }
    for _ in 0..<5 {
      peer.send("key", on: quiet)
      var buffer = ByteBuffer()
      _ = peer.session.nextRecord(for: link, into: &buffer, at: .origin)
      guard case .data(quiet, _, _, _) = try Frame(from: &buffer) else {
        Issue.record("another stream went first")
        return
      }
      // Time for a whole round of the others.
      for _ in 0..<8 {
        var buffer = ByteBuffer()
        _ = peer.session.nextRecord(for: link, into: &buffer, at: .origin)
      }
    }
  }

  @Test func `gives a stream that is always a little behind no more than its share`() throws {
    let peer = Peer(.dialling)
    peer.attach(recordSize: recordSize)
    let bulk = try peer.open()
    peer.send(count: 60_000, on: bulk)
    let greedy = try peer.open()
    let link = try #require(peer.sendingLink)
    var records: [Record] = []
    for _ in 0..<40 {
      peer.send(count: 1_100, on: greedy)
      var buffer = ByteBuffer()
      let number = try #require(peer.session.nextRecord(for: link, into: &buffer, at: .origin))
      records.append(Record(number: number, link: link, bytes: buffer))
    }
    let shares = try shares(records)
    #expect(shares[bulk] ?? 0 > 15_000, "\(shares)")
  }

  @Test func `serves small backlogs first after an outage`() throws {
    let peer = Peer(.dialling)
    let link = peer.attach(recordSize: recordSize)
    let bulk = try peer.open()
    peer.send(count: 60_000, on: bulk)
    _ = try peer.frames()
    peer.detach(link)
    let interactive = try peer.open()
    peer.send("key", on: interactive)
    peer.attach(recordSize: recordSize)
    let first = try #require(peer.records().first)
    let data = try first.frames.compactMap { frame in
      if case .data(let stream, _, _, _) = frame { stream } else { nil }
    }
    #expect(data.first == interactive)
  }

  @Test func `goes past a stream whose reader has stalled`() throws {
    let pair = Pair()
    pair.attach()
    let stalled = try pair.openStream()
    let healthy = try pair.openStream()
    // Nobody reads the first one; the second one's reader keeps reading.
    pair.dialler.send(count: 200_000, on: stalled)
    var total = 0
    for _ in 0..<20 {
      pair.dialler.send(count: 50_000, on: healthy)
      try pair.exchange()
      total += pair.acceptor.read(healthy).utf8.count
      try pair.exchange()
      total += pair.acceptor.read(healthy).utf8.count
    }
    try pair.exchange()
    total += pair.acceptor.read(healthy).utf8.count
    #expect(total == 1_000_000)
    let held = pair.acceptor.statistics.unreadBytes
    #expect(held == Int(ProtocolLimits.initialStreamCredit))
    #expect(pair.acceptor.read(stalled).utf8.count == held)
  }
}
