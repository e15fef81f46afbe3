import Foundation
import HawserCryptography
import HawserHandshake
import HawserPrimitives
import HawserSession
import HawserTransport
import NIOCore
import Testing

/// Strangers on the control port of a real server: they are shown the door, at little cost, and
/// nobody else notices. The rules themselves are tested one by one in SessionTests and
/// TransportTests.
@Suite(.timeLimit(.minutes(10))) struct StrangerTests {
  /// What strangers say instead of TLS.
  static let greetings: [(name: String, bytes: [UInt8])] = [
    ("plain HTTP", Array("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".utf8)),
    ("another protocol", Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)),
    ("random bytes", SeededBytes(seed: 1).prefix(100_000)),
    ("a ClientHello of nothing", [0x16, 3, 1, 0, 4, 1, 0, 0, 0]),
    ("an alert", [0x15, 3, 3, 0, 2, 2, 80]),
    ("zeros", [UInt8](repeating: 0, count: 100_000)),
  ]

  @Test(arguments: TransportUnderTest.allCases)
  func `who speaks no TLS is closed at once, with one line in the log`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, cpu: .seconds(4), bytes: 12 << 20) { siege in
      for (name, bytes) in Self.greetings {
        for _ in 0..<10 {
          let stranger = try PlainSocket(port: siege.server.controlPort, from: HostilePeer.address)
          try? stranger.write(bytes)
          #expect(!(try stranger.readAll().bytes.starts(with: [0x16])), "\(name)")
          stranger.close()
        }
      }
      let count = 10 * Self.greetings.count
      try siege.expectLines(count, with: "\(HostilePeer.address):")
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `who finishes neither TLS nor HELLO is closed after 10 s, and only so many may wait`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, load: .patience, cpu: .seconds(6), bytes: 24 << 20) { siege in
      let from = ContinuousClock.now
      // Two that got through TLS: one says nothing, one half a HELLO.
      let mute = try siege.peer()
      let stammerer = try siege.peer()
      try stammerer.send(plaintext: ByteBuffer(bytes: [0, 0x40, 0x80, 1, 1]))
      let strangers = try (0..<60).map { number in
        let stranger = try PlainSocket(port: siege.server.controlPort, from: HostilePeer.address)
        // Some say nothing, some begin a ClientHello.
        if number % 2 == 1 { try? stranger.write([0x16, 3, 1, 2, 0, 1, 0]) }
        return stranger
      }
      // 32 of one address may wait; for each one more, one is closed at once.
      for stranger in strangers.dropFirst(32) { _ = try? stranger.readAll() }
      // An honest provider from elsewhere is let in beside them.
      let target = siege.lab.keep(try .echo())
      _ = try siege.lab.provider(
        join: siege.server.joinURL(),
        target: "127.0.0.1:\(target.port)",
        name: "second"
      )
      for stranger in strangers.prefix(32) { _ = try? stranger.readAll() }
      #expect(try mute.closing() == nil)
      #expect(try stammerer.closing() == nil)
      let time = ContinuousClock.now - from
      print("strangers who said nothing were closed after \(time)")
      #expect(time < .seconds(60))
      let totals = try #require(try siege.lab.status(of: siege.server)["totals"] as? [String: Any])
      #expect(try #require(totals["handshakesRefused"] as? Int) > 0)
    }
  }

  /// What is said inside TLS where HELLO is expected.
  static let nonsense: [(name: String, bytes: [UInt8], isAnswered: Bool)] = [
    ("a record of 4 GB", [0, 0xC0, 0, 0, 1, 0, 0, 0, 0], false),
    ("a record of the largest length", [0] + [UInt8](repeating: 0xFF, count: 8), false),
    ("an unknown kind of message", [9, 1, 0], false),
    ("an ACK of records never sent", [1, 1, 9], false),
    ("a PONG to no PING", [3, 1, 9], false),
    ("an empty record", [0, 0], true),
    ("frames before HELLO", [0, 2, 2, 2], true),
    ("a WELCOME", [0, 1, 2], true),
    ("a HELLO of 5,000 bytes", [0, 0x53, 0x88] + [UInt8](repeating: 1, count: 5000), true),
  ]

  @Test(arguments: TransportUnderTest.allCases)
  func `what is no HELLO is refused or closed at once, with one line in the log`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, cpu: .seconds(4), bytes: 8 << 20) { siege in
      for (name, bytes, isAnswered) in Self.nonsense {
        let from = ContinuousClock.now
        let peer = try siege.peer()
        try peer.send(plaintext: ByteBuffer(bytes: bytes))
        switch try peer.next() {
        case .end:
          #expect(!isAnswered, "\(name)")
        case .record(let record):
          let answer = try HandshakeAnswer(decoding: record)
          guard case .reject(let reject) = answer else {
            Issue.record("\(name) got \(answer)")
            continue
          }
          #expect(isAnswered && reject.code == .malformed, "\(name): \(reject)")
          #expect(try peer.closing() == nil)
        }
        #expect(ContinuousClock.now - from < .seconds(5), "\(name)")
        try siege.expectOneLine("\(peer.addressAndPort) ", attack: name)
        peer.close()
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a session's id, a proof from another link or an old epoch resume nothing`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, cpu: .seconds(4), bytes: 8 << 20) { siege in
      let victim = try siege.peer()
      let welcome = try victim.join(siege.server, name: "victim")
      let secret = try #require(welcome.resumeSecret)

      let thief = try siege.peer()
      let guess = try thief.proof(with: .random(count: 32), epoch: 2)
      #expect(try thief.refusalOfResume(welcome.session, epoch: 2, proof: guess) == .badProof)
      try siege.expectOneLine(thief.addressAndPort)

      // What the victim itself would have said on its own link.
      let replayer = try siege.peer()
      let overheard = try victim.proof(with: secret, epoch: 2)
      #expect(
        try replayer.refusalOfResume(welcome.session, epoch: 2, proof: overheard) == .badProof
      )
      try siege.expectOneLine(replayer.addressAndPort)

      let late = try siege.peer()
      let old = try late.proof(with: secret, epoch: 1)
      #expect(try late.refusalOfResume(welcome.session, epoch: 1, proof: old) == .staleEpoch)

      var random = SystemRandomNumberGenerator()
      let stranger = try siege.peer()
      let unknown = RandomID(using: &random)
      #expect(try stranger.refusalOfResume(unknown, epoch: 2, proof: guess) == .unknownSession)

      // Nothing of that touched the victim, who can still resume.
      #expect(try siege.lab.session(of: siege.server, named: "victim")["resumes"] as? Int == 0)
      let successor = try siege.peer()
      let good = try successor.proof(with: secret, epoch: 2)
      #expect(try successor.refusalOfResume(welcome.session, epoch: 2, proof: good) == nil)

      // The proof is good for its own link and time only.
      let again = try siege.peer()
      #expect(try again.refusalOfResume(welcome.session, epoch: 2, proof: good) == .badProof)
      let same = try siege.peer()
      let stale = try same.proof(with: secret, epoch: 2)
      #expect(try same.refusalOfResume(welcome.session, epoch: 2, proof: stale) == .staleEpoch)
    }
  }
}

/// Providers with a good token that break the protocol: CLOSE says why, and nobody else notices.
@Suite(.timeLimit(.minutes(10))) struct TraitorTests {
  /// One breach of the protocol, and how the session is closed for it.
  struct Breach: Sendable, CustomTestStringConvertible {
    let name: String
    let code: CloseCode
    let frames: @Sendable () -> [Frame]

    var testDescription: String { name }
  }

  static let breaches: [Breach] = [
    Breach(name: "OPEN repeated with other contents", code: .protocolViolation) {
      [.open(1, service: 1), .open(1, service: 2)]
    },
    Breach(name: "OPEN of the server's parity", code: .protocolViolation) { [.open(2)] },
    Breach(name: "an answer to a stream never opened", code: .protocolViolation) {
      [.opened(StreamID(4))]
    },
    Breach(name: "two final sizes", code: .protocolViolation) {
      [.open(1), .data(1, at: 0, "abc", fin: true), .data(1, at: 0, "abcd", fin: true)]
    },
    Breach(name: "a final size below what was sent", code: .protocolViolation) {
      [
        .open(1), .data(1, at: 5, "f"),
        .reset(StreamID(1), .cancelled, finalSize: 2, retryable: false),
      ]
    },
    Breach(name: "the end of the control stream", code: .protocolViolation) {
      [.data(0, at: 0, "", fin: true)]
    },
    Breach(name: "a byte at 2⁶¹", code: .flowControlViolation) {
      [.open(1), .data(1, at: 1 << 61, "x")]
    },
    Breach(name: "more than the control stream's credit", code: .flowControlViolation) {
      [.data(0, at: 65_536, "x")]
    },
    Breach(name: "a stream beyond the limit", code: .flowControlViolation) { [.open(4097)] },
    Breach(name: "holes", code: .flood) {
      [.open(1)] + (0..<9000).map { .data(1, at: UInt64(2 * $0 + 1), "x") }
    },
    Breach(name: "a control message that is no JSON", code: .protocolViolation) {
      [.data(0, at: 0, "\u{4}nope")]
    },
    Breach(name: "a control message of 1 GB", code: .protocolViolation) {
      let header: [UInt8] = [0xC0, 0, 0, 0, 0x40, 0, 0, 0]
      return [
        .data(StreamID(0), offset: 0, bytes: ByteBuffer(bytes: header), fin: false)
      ]
    },
  ]

  @Test(arguments: TransportUnderTest.allCases)
  func `a breach gets CLOSE with its code, one line in the log, and costs little`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, cpu: .seconds(12), bytes: 24 << 20) { siege in
      for breach in Self.breaches {
        let name = "breach of \(breach.name)"
        let peer = try siege.peer()
        _ = try peer.join(siege.server, name: name)
        // The server may hang up amid a flood.
        try? peer.send(breach.frames())
        let closing = try #require(try peer.closing(), "\(name)")
        #expect(closing.code == breach.code, "\(name): \(closing)")
        #expect(!closing.reason.isEmpty, "\(name)")
        peer.close()
        try siege.expectOneLine(name, "warning", attack: closing.reason)
      }
    }
  }

  /// Frames that spend no credit, of which 200,000 are allowed at once and 100,000 a second.
  static let floods: [Frame] = [
    .sessionCredit(limit: 1), .data(1, at: 0, ""),
    .reset(StreamID(1), .cancelled, finalSize: 0, retryable: true),
  ]

  /// A build for debugging may be too slow to be flooded; then the frames have taken their time.
  @Test(arguments: TransportUnderTest.allCases)
  func `a flood of frames gets CLOSE, or is no faster than is allowed`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, cpu: .seconds(40), bytes: 24 << 20) { siege in
      for (index, frame) in Self.floods.enumerated() {
        let peer = try siege.peer()
        _ = try peer.join(siege.server, name: "flood \(index)")
        try peer.send([.open(1)])
        let from = ContinuousClock.now
        // The server may hang up amid it.
        try? peer.send(frame, times: 400_000)
        // Whoever was not stopped by now breaks another rule.
        try? peer.send([.open(2)])
        let closing = try #require(try peer.closing())
        let time = ContinuousClock.now - from
        print("flood of \(frame): \(closing.code) after \(time)")
        #expect(
          closing.code == .flood || closing.code == .protocolViolation && time > .seconds(2)
        )
        try siege.expectOneLine("flood \(index)", "warning")
        peer.close()
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `bytes that are no frames get CLOSE`(transport: TransportUnderTest) async throws {
    try await withSiege(transport, cpu: .seconds(6), bytes: 12 << 20) { siege in
      let records: [[UInt8]] = [
        [63], [0], [1], [3, 1, 0, 0x40], [3, 1, 0] + [UInt8](repeating: 0xFF, count: 8),
        [1, 1, 9, 9], [10, 4, 2, 0xFF, 0xFE],
      ]
      for (index, bytes) in records.enumerated() {
        let name = "nonsense \(index)"
        let peer = try siege.peer()
        _ = try peer.join(siege.server, name: name)
        try peer.send(record: ByteBuffer(bytes: bytes))
        #expect(try peer.closing()?.code == .protocolViolation, "\(name)")
        try siege.expectOneLine(name, "warning")
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a million bytes one by one arrive, and cost no memory`(
    transport: TransportUnderTest
  ) async throws {
    // The frames of some reads are taken in one turn of the server's loop. A build for debugging
    // needs a second for these, so that others are served late; one for release some hundredths.
    try await withSiege(transport, cpu: .seconds(60), bytes: 32 << 20) { siege in
      let count = 1_000_000
      let (peer, port) = try Self.serve(on: siege)
      let client = try PlainSocket(port: port, patience: .seconds(120))
      let received = Background { try client.read(exactly: count) }
      let stream = try Self.nextOpen(peer)
      try peer.send([.opened(stream)])
      var sent = 0
      var credit = 65_536
      while sent < count {
        // Not all that it may at once: it has to answer PINGs meanwhile.
        let next = min(count, credit, sent + 16_384)
        try peer.send(
          (sent..<next).map { offset in
            let byte = ByteBuffer(bytes: [UInt8(truncatingIfNeeded: offset)])
            return .data(stream, offset: UInt64(offset), bytes: byte, fin: false)
          }
        )
        sent = next
        try peer.listen()
        while credit == sent, sent < count {
          credit = max(credit, try Self.credit(of: stream, in: peer))
        }
      }
      let bytes = try received.value()
      #expect(bytes == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `who gives endless credit and takes nothing makes the server keep no more than its share`(
    transport: TransportUnderTest
  ) async throws {
    try await withSiege(transport, load: .patience, cpu: .seconds(20), bytes: 160 << 20) { siege in
      let (peer, port) = try Self.serve(on: siege)
      // Each sends as much as it can; nothing of it is ever taken, reported or read.
      let clients = try (0..<20).map { _ in try PlainSocket(port: port, patience: .seconds(8)) }
      let streams = try clients.map { _ in try Self.nextOpen(peer) }
      try peer.send(
        streams.map { .streamCredit($0, limit: 1 << 61) } + [.sessionCredit(limit: 1 << 61)]
      )
      let uploads = clients.map { client in
        Background { try client.write([UInt8](repeating: 1, count: 40 << 20)) }
      }
      var most = 0
      var last = -1
      try wait(for: "the server keeping no more") {
        last = most
        letPass(.milliseconds(500))
        let retained = try siege.lab.status(of: siege.server)["retainedBytes"] as? Int ?? 0
        most = max(most, retained)
        return most > 0 && most == last
      }
      print("retained for a peer that takes nothing: \(most >> 10) KiB")
      // A session may retain 64 MiB, and each of its streams 64 KiB.
      #expect(most <= 66 << 20)
      for upload in uploads { #expect(throws: SocketFailure.self) { try upload.value() } }
    }
  }

  /// A traitor with a port of its own.
  private static func serve(on siege: Siege) throws -> (peer: HostilePeer, port: Int) {
    let peer = try siege.peer()
    _ = try peer.join(siege.server)
    let registration = ServiceRegistration(
      name: "trap",
      entry: RequestedEntry(mode: .tcp, port: .any)
    )
    let message = try ControlMessage.register(id: 1, service: registration).encoded()
    try peer.send([.data(.control, offset: 0, bytes: message, fin: false)])
    var messages = ControlMessageDecoder()
    while case .frame(let frame) = try peer.nextFrame() {
      guard case .data(.control, _, let bytes, _) = frame else { continue }
      messages.append(bytes)
      if case .registered(_, _, let entry) = try messages.next() { return (peer, Int(entry.port)) }
    }
    throw SocketFailure("the service was not registered", code: 0)
  }

  /// The next stream that the server opens.
  private static func nextOpen(_ peer: HostilePeer) throws -> StreamID {
    while case .frame(let frame) = try peer.nextFrame() {
      if case .open(let stream, _) = frame { return stream }
    }
    throw SocketFailure("no stream was opened", code: 0)
  }

  /// The credit for a stream that the next frame gives, 0 if it gives none.
  private static func credit(of stream: StreamID, in peer: HostilePeer) throws -> Int {
    switch try peer.nextFrame() {
    case .frame(.streamCredit(stream, let limit)): return Int(limit)
    case .frame(.close(let code, let reason)): throw SocketFailure("\(code): \(reason)", code: 0)
    case .frame: return 0
    case .end: throw SocketFailure("the server closed", code: 0)
    }
  }
}
