import HawserCryptography
import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

/// What whoever does not have the join string gets, and what it costs.
struct `A stranger` {
  /// The key with another knock secret.
  private func strangersKey() throws -> JoinKey {
    let key = Pair.identity.joinKey
    return try JoinKey(bytes: key.publicKey + [UInt8](repeating: 0xEE, count: 16))
  }

  @Test func `who knows the public key only gets silence, for one hash`() throws {
    let pair = try Pair(key: strangersKey())
    pair.run(for: .seconds(12))
    #expect(pair.failure == .timedOut)
    let statistics = pair.listener.statistics
    #expect(statistics.datagrams > 5)
    #expect(statistics.wrongKnocks == statistics.datagrams)
    #expect(statistics.hashes == statistics.datagrams)
    #expect(statistics.agreements == 0 && statistics.openings == 0)
    #expect(!pair.sent.contains { !$0.fromClient })
    #expect(pair.listener.halfOpenCount == 0)
  }

  @Test func `who knows another server's key gets silence`() throws {
    let pair = try Pair(key: ServerIdentity.generate().joinKey)
    pair.run(for: .seconds(12))
    #expect(!pair.sent.contains { !$0.fromClient })
    #expect(pair.listener.statistics.agreements == 0)
  }

  @Test(arguments: 0..<4)
  func `costs one hash at most, whatever is sent`(worker: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let (pair, client, server) = try Pair.established()
    let other = try Pair(key: strangersKey())
    let initial = try #require(other.transmissions().first)
    let genuine = try #require(pair.sealed([1, 2, 3], by: client))
    let types: [UInt8] = [0x11, 0x21, 0x31, 0x80, 0x81, 0xFF, 0x12, 0x00]
    for _ in 0..<5_000 {
      var datagram: ByteBuffer
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        datagram = initial.bytes
        for _ in 0..<Int.random(in: 0...3, using: &random) { datagram.damage(using: &random) }
      case 1:
        // What a stranger who reads along could make of what others say.
        datagram = genuine
        datagram.setInteger(UInt64.random(in: 0...UInt64.max, using: &random), at: 1)
      default:
        let length = Int.random(in: 0...1600, using: &random)
        var bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        if !bytes.isEmpty, random.chance(90) { bytes[0] = types.randomElement(using: &random) ?? 0 }
        if bytes.count > 4, random.chance(80) { bytes.replaceSubrange(1..<4, with: [0, 0, 0]) }
        datagram = ByteBuffer(bytes: bytes)
      }
      let before = pair.listener.statistics
      let address = address(.random(in: 1...9, using: &random))
      pair.deliverToServer(datagram, from: address)
      let after = pair.listener.statistics
      #expect(after.hashes - before.hashes <= 1, "seed \(seed)")
      #expect(after.agreements == before.agreements, "seed \(seed)")
      #expect(after.openings == before.openings, "seed \(seed)")
      #expect(pair.transmissions().isEmpty, "seed \(seed)")
      #expect(server.address == pair.client, "seed \(seed)")
    }
    #expect(pair.listener.halfOpenCount == 1 && pair.listener.channelCount == 1)
  }

  @Test func `who reads along and forges costs a derivation for each key ahead once`() throws {
    let (pair, client, server) = try Pair.established()
    var forged = try #require(pair.sealed([1], by: client))
    for epoch in 0..<20 as Range<UInt64> {
      forged.setInteger(epoch << 22 | 5, at: 9)
      let expected: DatagramRejection = epoch <= 3 ? .notAuthentic : .tooFarAhead
      #expect(pair.deliverToServer(forged, from: address(1)) == .dropped(expected))
    }
    #expect(server.statistics.notAuthentic == 4)
    #expect(server.address == pair.client)
    let genuine = try #require(pair.sealed([1], by: client))
    #expect(pair.deliverToServer(genuine, from: pair.client) == .payload(.segments))
  }

  @Test func `cannot answer in the server's place`() throws {
    let pair = try Pair()
    let initial = try #require(pair.transmissions().first)
    let source = try InitialPacket(decoding: initial.bytes).source
    let forged = ResponsePacket.encode(
      destination: source,
      source: ConnectionID(1),
      noiseMessage: [UInt8](repeating: 9, count: 80),
      knock: KnockKeys(try strangersKey())
    )
    #expect(pair.deliverToClient(forged) == .dropped(.wrongKnock))
    let retry = RetryPacket(
      destination: source,
      nonce: [UInt8](repeating: 1, count: 24),
      sealedCookie: [UInt8](repeating: 2, count: 32)
    )
    #expect(pair.deliverToClient(retry.encoded()) == .dropped(.notAuthentic))
    // Somebody who has the join string is still not the server.
    let insider = ResponsePacket.encode(
      destination: source,
      source: ConnectionID(1),
      noiseMessage: KeyAgreement.publicKey(of: .random(count: 32))
        + [UInt8](repeating: 9, count: 40),
      knock: KnockKeys(Pair.identity.joinKey)
    )
    #expect(pair.deliverToClient(insider) == .dropped(.badHandshake))
    pair.deliver(initial)
    pair.settle()
    #expect(pair.clientEvents.first == .confirmed)
  }
}

struct `A flood of handshakes` {
  private func initial(seed: UInt8, cookieFrom pair: Pair? = nil) throws -> ByteBuffer {
    let other = try Pair(seed: seed)
    return try #require(other.transmissions().first).bytes
  }

  @Test func `is answered with RETRY only, which is smaller than what it answers`() throws {
    var listening = ListenerConfiguration()
    listening.handshakeBurst = 10
    listening.handshakesPerSecond = 10
    let pair = try Pair(listening: listening)
    for number in UInt8(0)..<100 {
      pair.deliverToServer(try initial(seed: number), from: address(UInt16(number) + 1))
    }
    let answers = answersOfListener(pair)
    #expect(answers.count == 100)
    #expect(answers.filter { $0.first == 0x21 }.count == 10)
    #expect(answers.filter { $0.first == 0x31 }.count == 90)
    #expect(answers.allSatisfy { $0.bytes.readableBytes <= 200 })
    #expect(pair.listener.statistics.agreements == 20)
    #expect(pair.listener.halfOpenCount == 10)
    // A tenth of a second later there is room for one more.
    pair.now = pair.now + .milliseconds(100)
    pair.deliverToServer(try initial(seed: 200), from: address(1))
    pair.deliverToServer(try initial(seed: 201), from: address(1))
    #expect(answersOfListener(pair).map(\.first) == [0x21, 0x31])
  }

  @Test func `does not keep out a client, which answers RETRY`() throws {
    var listening = ListenerConfiguration()
    listening.handshakeBurst = 0
    let pair = try Pair(listening: listening)
    pair.settle()
    #expect(pair.clientEvents.first == .confirmed)
    #expect(pair.listener.statistics.retries == 1)
    #expect(pair.listener.statistics.agreements == 2)
    #expect(pair.sent.prefix(4).map(\.first) == [0x11, 0x31, 0x11, 0x21])
    // The same INIT but for the cookie.
    let (first, second) = (pair.sent[0].bytes, pair.sent[2].bytes)
    #expect(first.getSlice(at: 0, length: 1184) == second.getSlice(at: 0, length: 1184))
    #expect(first != second)
  }

  @Test func `cannot use a cookie from another address or port, or an old one`() throws {
    var listening = ListenerConfiguration()
    listening.handshakeBurst = 0
    let pair = try Pair(listening: listening)
    let plain = try #require(pair.transmissions().first)
    pair.deliver(plain)
    for answer in answersOfListener(pair) { pair.deliver(answer) }
    let proved = try #require(pair.transmissions().first)
    #expect(plain.bytes != proved.bytes)
    for other in [address(40_001), address(40_000, host: [198, 51, 100, 8])] {
      pair.deliverToServer(proved.bytes, from: other)
      #expect(answersOfListener(pair).map(\.first) == [0x31])
    }
    pair.now = Instant.origin + .seconds(241)
    pair.deliverToServer(proved.bytes, from: pair.client)
    #expect(answersOfListener(pair).map(\.first) == [0x31])
    #expect(pair.listener.statistics.agreements == 0)
  }

  @Test(arguments: [0, 119, 120, 239])
  func `can use a cookie while its secret is the current one or the one before`(
    seconds: Int
  ) throws {
    var listening = ListenerConfiguration()
    listening.handshakeBurst = 0
    let pair = try Pair(listening: listening)
    pair.deliver(try #require(pair.transmissions().first))
    for answer in answersOfListener(pair) { pair.deliver(answer) }
    let proved = try #require(pair.transmissions().first)
    pair.now = Instant.origin + .seconds(seconds)
    // Others come meanwhile, so that the secret is replaced when its time has come.
    pair.deliverToServer(try initial(seed: 9), from: address(1))
    _ = answersOfListener(pair)
    pair.deliver(proved)
    #expect(answersOfListener(pair).map(\.first) == [0x21])
  }

  @Test func `fills neither the table nor one host's part of it beyond the limit`() throws {
    var listening = ListenerConfiguration()
    listening.halfOpenHandshakes = 20
    listening.halfOpenHandshakesPerHost = 6
    let pair = try Pair(listening: listening)
    var outcomes: [ChannelArrival?] = []
    for number in UInt8(0)..<9 {
      outcomes.append(
        pair.deliverToServer(try initial(seed: number), from: address(UInt16(number) + 1))
      )
    }
    #expect(outcomes.filter { $0 == .dropped(.overLimit) }.count == 3)
    #expect(pair.listener.halfOpenCount == 6)
    // Others still get in; from half of the table on only with a cookie.
    for number in UInt8(10)..<60 {
      let host: [UInt8] = [203, 0, 113, number]
      pair.deliverToServer(try initial(seed: number), from: address(1, host: host))
    }
    #expect(pair.listener.halfOpenCount == 10)
    #expect(answersOfListener(pair).filter { $0.first == 0x31 }.count == 46)
    pair.run(for: .seconds(6))
    #expect(pair.listener.halfOpenCount == 0)
    #expect(pair.listener.nextDeadline == nil)
  }

  @Test func `of copies from elsewhere gets cookies when the table is crowded`() throws {
    var listening = ListenerConfiguration()
    listening.halfOpenHandshakes = 2
    let pair = try Pair(listening: listening)
    let packet = try #require(pair.transmissions().first)
    pair.deliver(packet)
    #expect(answersOfListener(pair).map(\.first) == [0x21])
    for port in UInt16(1)...50 {
      pair.deliverToServer(packet.bytes, from: address(port))
      let answers = answersOfListener(pair)
      #expect(answers.map(\.first) == [0x31])
      #expect(answers.map(\.address) == [address(port)])
    }
    pair.deliver(packet)
    #expect(answersOfListener(pair).map(\.first) == [0x21])
  }

  @Test func `leaves no more waiting to be sent than a batch`() throws {
    let pair = try Pair()
    let packet = try #require(pair.transmissions().first)
    for _ in 0..<3000 { pair.deliver(packet) }
    #expect(answersOfListener(pair).count == DatagramLimits.queuedHandshakePackets)
    pair.deliver(packet)
    #expect(answersOfListener(pair).count == 1)
  }
}
