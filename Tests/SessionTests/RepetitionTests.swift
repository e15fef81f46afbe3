import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `Frames that come twice or out of order` {
  private let stream = StreamID(2)
  private let request = OpenRequest(target: .service(1))

  @Test func `change nothing the second time`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    let own = try peer.open()
    try peer.deliveredFrames()
    let frames: [Frame] = [
      .open(2), .opened(own), .data(2, at: 0, "abc"), .data(2, at: 3, "d", fin: true),
      .streamCredit(own, limit: 100_000), .sessionCredit(limit: 1 << 40), .streamCount(limit: 5000),
      .stop(own, .cancelled), .reset(own, .timeout, finalSize: 7, retryable: false),
    ]
    let expected: [SessionEvent] = [
      .incoming(stream, request), .opened(own), .readable(stream), .stopped(own, .cancelled),
      .reset(own, .timeout, retryable: false),
    ]
    for frame in frames {
      try peer.hear(frame)
      try peer.hear(frame, frame)
    }
    #expect(peer.events() == expected)
    try peer.hear(record(frames))
    #expect(peer.events() == [])
    #expect(peer.read(stream) == "abcd‖")
    #expect(peer.statistics.bytesReceived == 11)
  }

  @Test func `of a stream whose OPEN is late are held until it comes`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    try peer.hear(.data(2, at: 2, "llo", fin: true))
    try peer.hear(.data(2, at: 0, "he"))
    #expect(peer.events() == [])
    try peer.hear(.open(2))
    #expect(peer.events() == [.incoming(stream, request), .readable(stream)])
    #expect(peer.read(stream) == "hello‖")
  }

  @Test func `that end a stream before its OPEN are told after it`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    try peer.hear(.reset(stream, .draining, finalSize: 0, retryable: true))
    try peer.hear(.stop(stream, .draining))
    #expect(peer.events() == [])
    try peer.hear(.open(2))
    #expect(
      peer.events() == [
        .incoming(stream, request), .stopped(stream, .draining),
        .reset(stream, .draining, retryable: true),
      ]
    )
    try peer.deliveredFrames()
    #expect(peer.events() == [.ended(stream)])
  }

  @Test func `that end a stream both ways before its OPEN leave nothing behind`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    try peer.hear(.reset(stream, .draining, finalSize: 0, retryable: true))
    try peer.hear(.stop(stream, .draining))
    // The answer to STOP is delivered while OPEN is still on its way.
    #expect(
      try peer.deliveredFrames()
        == [.reset(stream, .draining, finalSize: 0, retryable: false)]
    )
    try peer.hear(.open(2))
    #expect(peer.events().last == .ended(stream))
    #expect(peer.statistics.streams == 0)
  }

  @Test func `fill holes in any order`() throws {
    let text = "The hawser holds through tide and weather."
    let bytes = Array(text.utf8)
    var generator = SystemRandomNumberGenerator()
    let order = bytes.indices.shuffled(using: &generator)
    let peer = Peer(.dialling)
    peer.attach()
    try peer.hear(.open(2))
    for index in order {
      let count = min(bytes.count - index, Int.random(in: 1...5, using: &generator))
      let piece = String(decoding: bytes[index..<index + count], as: UTF8.self)
      let fin = index + count == bytes.count
      try peer.hear(.data(2, at: UInt64(index), piece, fin: fin))
    }
    #expect(peer.read(stream) == text + "‖", "in the order \(order)")
  }

  @Test func `overlap what has arrived in every way`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    try peer.hear(.open(2), .data(2, at: 4, "efgh"))
    try peer.hear(.data(2, at: 6, "ghij"))
    try peer.hear(.data(2, at: 2, "cdefghijkl"))
    try peer.hear(.data(2, at: 14, "op"))
    try peer.hear(.data(2, at: 0, "abcd"))
    #expect(peer.read(stream) == "abcdefghijkl")
    try peer.hear(.data(2, at: 0, "abcdefghijklmnopq"))
    #expect(peer.read(stream) == "mnopq")
  }

  @Test func `of a stream that has ended are dropped`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    try peer.hear(.open(2), .data(2, at: 0, "x", fin: true))
    peer.finish(stream)
    #expect(peer.read(stream) == "x‖")
    try peer.deliveredFrames()
    #expect(peer.events().last == .ended(stream))
    try peer.hear(
      .open(2),
      .data(2, at: 0, "x", fin: true),
      .stop(stream, .cancelled),
      .streamCredit(stream, limit: 1 << 20),
      .reset(stream, .cancelled, finalSize: 1, retryable: false)
    )
    #expect(peer.events() == [])
    #expect(peer.statistics.streams == 0)
  }

  @Test func `of an own stream that has ended are dropped`() throws {
    let peer = Peer(.dialling)
    peer.attach()
    let own = try peer.open()
    peer.finish(own)
    try peer.deliveredFrames()
    try peer.hear(.data(1, at: 0, "", fin: true))
    #expect(peer.read(own) == "‖")
    #expect(peer.events().last == .ended(own))
    try peer.hear(.opened(own), .data(1, at: 0, "", fin: true), .stop(own, .cancelled))
    #expect(peer.events() == [])
  }

  @Test func `about ids that have ended cost no memory for each of them`() throws {
    var limits = SessionLimits()
    limits.concurrentStreams = 4
    let peer = Peer(.dialling, limits: limits)
    peer.attach()
    // In an order that leaves holes, 1000 streams come and go.
    for round in 0..<250 {
      let ids = (0..<4).map { StreamID(UInt64(2 * (4 * round + $0) + 2)) }
      for id in [ids[3], ids[1], ids[0], ids[2]] {
        try peer.hear(.open(id.rawValue), .data(id.rawValue, at: 0, "", fin: true))
        peer.finish(id)
        #expect(peer.read(id) == "‖")
        try peer.deliveredFrames()
      }
      try peer.deliveredFrames()
    }
    #expect(peer.statistics.streams == 0)
    #expect(peer.events().filter { if case .ended = $0 { true } else { false } }.count == 1000)
    // What is remembered is one range, so that any of them is still known to be over.
    try peer.hear(.open(2), .open(2000), .open(1002))
    #expect(peer.events() == [])
  }
}
