import HawserCryptography
import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `A datagram handshake` {
  @Test func `gives both the same channel`() throws {
    let pair = try Pair()
    pair.settle()
    let client = try #require(pair.clientChannel)
    let server = try #require(pair.serverChannel)
    #expect(client.binding == server.binding)
    #expect(client.binding.count == 32)
    #expect(client.agreement == server.agreement)
    #expect(client.remoteID == server.localID && server.remoteID == client.localID)
    #expect(server.address == pair.client)
    #expect(pair.clientEvents.first == .confirmed)
    #expect(pair.listener.statistics.accepted == 1)

    let up = try #require(pair.sealed([1, 2, 3], by: client))
    #expect(pair.deliverToServer(up, from: pair.client) == .payload(.segments))
    let down = try #require(pair.sealed([4, 5], by: server))
    #expect(pair.deliverToClient(down) == .payload(.segments))
    #expect(pair.serverPayloads == [[1, 2, 3]])
    #expect(pair.clientPayloads == [[4, 5]])
  }

  @Test func `measures the round trip on the way`() throws {
    let pair = try Pair()
    for _ in 0..<6 {
      let batch = pair.transmissions()
      pair.now = pair.now + .milliseconds(20)
      for datagram in batch { pair.deliver(datagram) }
    }
    #expect(pair.clientChannel?.roundTrip == .milliseconds(40))
    #expect(pair.serverChannel?.roundTrip == .milliseconds(40))
  }

  @Test func `differs from every other one`() throws {
    let first = try Pair.established(seed: 1)
    let second = try Pair.established(seed: 2)
    #expect(first.client.binding != second.client.binding)
    #expect(first.client.localID != second.client.localID)
  }

  @Test func `begins with a datagram that shows that the path carries 1200 bytes`() throws {
    let pair = try Pair()
    let packets = pair.transmissions()
    #expect(packets.count == 1)
    #expect(packets.first?.bytes.readableBytes == 1200)
  }

  @Test func `completes when INIT, RESP or the first sealed datagram is lost`() throws {
    for lost in 0..<6 {
      let pair = try Pair()
      var count = 0
      pair.wire = { datagram in
        defer { count += 1 }
        return count == lost ? [] : [datagram]
      }
      pair.run(for: .seconds(3))
      #expect(pair.clientEvents.contains(.confirmed), "lost \(lost)")
      #expect(pair.listener.statistics.accepted == 1, "lost \(lost)")
    }
  }

  @Test func `answers a repeated INIT byte for byte while its entry lives`() throws {
    let pair = try Pair()
    let initial = try #require(pair.transmissions().first)
    var answers: [ByteBuffer] = []
    for milliseconds in [0, 1, 2500, 4999, 5000, 5001] {
      pair.now = Instant.origin + .milliseconds(milliseconds)
      pair.deliver(initial)
      answers += answersOfListener(pair).map(\.bytes)
    }
    #expect(answers.count == 6)
    #expect(Set(answers.prefix(4)).count == 1)
    #expect(answers[4] != answers[0])
    #expect(answers[5] == answers[4])
    #expect(pair.listener.statistics.agreements == 4)
    #expect(pair.listener.halfOpenCount == 1)
  }

  @Test func `that is replayed later makes an entry that nobody can complete`() throws {
    let (pair, client, _) = try Pair.established()
    let replay = try Pair()
    let initial = try #require(replay.transmissions().first)
    pair.now = pair.now + .seconds(60)
    pair.deliverToServer(initial.bytes, from: address(1))
    let response = try #require(answersOfListener(pair).first)
    let id = try ResponsePacket(decoding: response.bytes).source
    // Not even with what the client of that INIT says on its real channel.
    var sealed = try #require(pair.sealed([1], by: client))
    sealed.setInteger(id.rawValue, at: 1)
    #expect(pair.deliverToServer(sealed, from: address(1)) == .dropped(.notAuthentic))
    #expect(pair.listener.channelCount == 1)
    pair.run(for: .seconds(6))
    #expect(pair.listener.halfOpenCount == 0)
  }

  @Test func `gives up after its time limit`() throws {
    let pair = try Pair()
    pair.wire = { _ in [] }
    pair.run(for: .seconds(9))
    #expect(pair.failure == nil)
    pair.run(for: .seconds(2))
    #expect(pair.failure == .timedOut)
    #expect(pair.handshake.nextDeadline == nil)
    #expect(pair.transmissions().isEmpty)
  }

  @Test func `is begun anew before the server has forgotten the last INIT`() throws {
    let pair = try Pair()
    pair.wire = { _ in [] }
    pair.run(for: .seconds(9))
    let packets = try pair.sent.map { try InitialPacket(decoding: $0.bytes) }
    let sources = packets.map(\.source)
    #expect(Set(sources).count == 3)
    // The same INIT is the same, byte for byte.
    for source in Set(sources) {
      let copies = pair.sent.map(\.bytes).filter {
        $0.getInteger(at: 4, as: UInt64.self) == source.rawValue
      }
      #expect(Set(copies).count == 1)
      #expect(copies.count >= 2)
    }
  }

  @Test func `that the server has forgotten is noticed by the client`() throws {
    let pair = try Pair()
    pair.wire = { $0.first == 0x80 ? [] : [$0] }
    pair.run(for: .seconds(4))
    #expect(pair.clientEvents.isEmpty)
    pair.run(for: .seconds(2))
    #expect(pair.clientEvents == [.ended(.unanswered)])
    #expect(pair.clientChannel?.nextDeadline == nil)
  }

  @Test(arguments: [10, 30, 50])
  func `completes under loss, repetition and reordering`(percent: Int) throws {
    for round in 0..<20 {
      let seed = UInt64.random(in: .min ... .max)
      var random = SplitMix64(state: seed)
      var dialling = ClientHandshake.Configuration()
      dialling.timeLimit = .seconds(60)
      let pair = try Pair(seed: UInt8(round), dialling: dialling)
      var late: [Pair.Sent] = []
      pair.wire = { datagram in
        if random.chance(percent) { return [] }
        var arriving = random.chance(percent) ? [datagram, datagram] : [datagram]
        if random.chance(percent) {
          late += arriving
          return []
        }
        if random.chance(50) { swap(&arriving, &late) }
        return arriving.shuffled(using: &random)
      }
      for attempt in 0..<UInt8(20) where !pair.clientEvents.contains(.confirmed) {
        try pair.dialAgainIfNeeded(seed: attempt, dialling: dialling)
        pair.run(for: .seconds(6))
      }
      #expect(pair.clientEvents.contains(.confirmed), "seed \(seed)")
      let client = try #require(pair.clientChannel, "seed \(seed)")
      let server = try #require(pair.serverChannel, "seed \(seed)")
      #expect(client.binding == server.binding, "seed \(seed)")
    }
  }

  @Test func `uses AES where both have it, and ChaCha20 otherwise`() throws {
    let both = DatagramCapabilities(ciphers: [.chaCha20Poly1305, .aes256GCM])
    let one = DatagramCapabilities(ciphers: [.chaCha20Poly1305])
    for (mine, yours) in [(both, both), (both, one), (one, both), (one, one)] {
      guard AEADAlgorithm.aes256GCM.isAvailable else { return }
      var listening = ListenerConfiguration()
      listening.capabilities = mine
      var dialling = ClientHandshake.Configuration()
      dialling.capabilities = yours
      let pair = try Pair(listening: listening, dialling: dialling)
      pair.settle()
      let wanted: AEADAlgorithm =
        mine == both && yours == both ? .aes256GCM : .chaCha20Poly1305
      #expect(pair.clientChannel?.agreement.cipher == wanted)
      #expect(pair.serverChannel?.agreement.cipher == wanted)
    }
  }

  @Test func `agrees upon the extensions that both have`() throws {
    var listening = ListenerConfiguration()
    listening.capabilities.extensions = [.acknowledgementRanges, .typedPayloads]
    var dialling = ClientHandshake.Configuration()
    dialling.capabilities.extensions = [
      .acknowledgementRanges, .unreliableDatagrams, DatagramExtension(rawValue: 1000),
    ]
    let pair = try Pair(listening: listening, dialling: dialling)
    pair.settle()
    #expect(pair.clientChannel?.agreement.extensions == [.acknowledgementRanges])
    #expect(pair.serverChannel?.agreement.extensions == [.acknowledgementRanges])
  }

  @Test func `is refused for a critical extension that the server does not know`() throws {
    var dialling = ClientHandshake.Configuration()
    dialling.capabilities.extensions = [DatagramExtension(rawValue: 1001)]
    let pair = try Pair(dialling: dialling)
    pair.settle()
    #expect(pair.failure == .refused(.unsupportedExtension))
    #expect(pair.clientChannel == nil)
    #expect(pair.listener.channelCount == 0)
  }

  @Test func `is refused by a server that has as many channels as it may have`() throws {
    var listening = ListenerConfiguration()
    listening.channels = 0
    let pair = try Pair(listening: listening)
    pair.settle()
    #expect(pair.failure == .refused(.overLimit))
  }

  @Test func `is bound to the connection ids of the packets' headers`() throws {
    // Whoever has the join string can make a mac1, but not change what the client said.
    let pair = try Pair()
    let initial = try #require(pair.transmissions().first)
    var bytes = Array(initial.bytes.readableBytesView)
    bytes[4] ^= 1
    let knock = KnockKeys(Pair.identity.joinKey)
    var forged = ByteBuffer(bytes: bytes.dropLast(32))
    forged.writeAuthenticationCode(knock.mac1(over: forged.readableBytesSpan))
    forged.writeAuthenticationCode(.zero)
    #expect(pair.deliverToServer(forged, from: pair.client) == .dropped(.badHandshake))

    pair.deliver(initial)
    let response = try #require(answersOfListener(pair).first)
    var other = ByteBuffer(bytes: Array(response.bytes.readableBytesView).dropLast(16))
    other.setInteger(UInt64(7), at: 12)
    other.writeAuthenticationCode(knock.mac1(over: other.readableBytesSpan))
    pair.deliverToClient(other)
    #expect(pair.clientChannel == nil)
  }

  @Test func `puts the number of the event loop into the server's connection ids`() throws {
    var listening = ListenerConfiguration()
    listening.loop = 5
    let pair = try Pair(listening: listening)
    pair.settle()
    let client = try #require(pair.clientChannel)
    #expect(pair.serverChannel?.localID.loop == 5)
    let sealed = try #require(pair.sealed([1], by: client))
    #expect(ConnectionID.destination(of: sealed)?.loop == 5)
  }
}

/// What a listener, and it alone, has to send.
func answersOfListener(_ pair: Pair) -> [Pair.Sent] {
  var answers: [Pair.Sent] = []
  var bytes = ByteBuffer()
  while let address = pair.listener.nextTransmission(into: &bytes) {
    answers.append(Pair.Sent(fromClient: false, bytes: bytes, address: address))
    bytes = ByteBuffer()
  }
  return answers
}
