import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `The search for the datagram size` {
  private func payload(_ datagram: Int) -> Int { datagram - DatagramLimits.dataOverheadBytes }

  /// A pair on a path that carries datagrams up to `mtu` bytes.
  private func pair(limit: Int, mtu: Int) throws -> Pair {
    var listening = ListenerConfiguration()
    listening.sizeLimit = limit
    var dialling = ClientHandshake.Configuration()
    dialling.sizeLimit = limit
    let pair = try Pair(listening: listening, dialling: dialling)
    pair.wire = { $0.bytes.readableBytes > mtu ? [] : [$0] }
    pair.settle()
    return pair
  }

  @Test func `ends at once where the path carries what the interface does`() throws {
    let pair = try pair(limit: 1452, mtu: 1452)
    #expect(pair.clientChannel?.maximumPayload == payload(1452))
    #expect(pair.serverChannel?.maximumPayload == payload(1452))
    #expect(pair.clientEvents.contains(.maximumPayloadChanged(payload(1452))))
    let probes = pair.sent.filter { $0.bytes.readableBytes == 1452 }
    #expect(probes.count == 2)
    #expect(pair.nextDeadline.map { $0 >= Instant.origin + .seconds(5) } == true)
  }

  @Test(arguments: [1200, 1201, 1216, 1217, 1280, 1300, 1399, 1451, 4000, 8951, 8972])
  func `finds what the path carries, to within a step`(mtu: Int) throws {
    for limit in [1452, 8972] {
      let pair = try pair(limit: limit, mtu: mtu)
      // The peer has to be heard for a lost probe to mean anything.
      for _ in 0..<200 {
        pair.clientChannel?.ping(at: pair.now)
        pair.run(for: .milliseconds(500))
      }
      for channel in [pair.clientChannel, pair.serverChannel] {
        let found = try #require(channel).maximumPayload
        let most = payload(min(mtu, limit))
        #expect(found <= most && found > most - DatagramLimits.sizeSearchStep)
        #expect(channel?.nextDeadline == nil)
      }
    }
  }

  @Test(arguments: [1200, 1300, 1400])
  func `ends soon although nobody says anything`(mtu: Int) throws {
    let pair = try pair(limit: 1452, mtu: mtu)
    pair.run(for: .seconds(30))
    for channel in [pair.clientChannel, pair.serverChannel] {
      let found = try #require(channel).maximumPayload
      #expect(found <= payload(mtu) && found > payload(mtu) - DatagramLimits.sizeSearchStep)
      #expect(channel?.nextDeadline == nil)
    }
    // Five probes and a ping for each of the sizes that do not pass.
    #expect(pair.sent.count < 100)
  }

  @Test func `falls asleep while nobody answers`() throws {
    let pair = try pair(limit: 1452, mtu: 1300)
    pair.wire = { _ in [] }
    pair.run(for: .seconds(60))
    let before = pair.sent.count
    pair.run(for: .seconds(3600))
    #expect(pair.sent.count - before <= 2 * 62)
    #expect(pair.sent.suffix(100).allSatisfy { $0.bytes.readableBytes < 100 })
    pair.wire = { $0.bytes.readableBytes > 1300 ? [] : [$0] }
    pair.run(for: .seconds(120))
    #expect(try #require(pair.clientChannel).maximumPayload > payload(1284))
    #expect(pair.clientChannel?.nextDeadline == nil)
  }

  @Test func `finds it under loss`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let pair = try pair(limit: 1452, mtu: 1400)
    pair.wire = { $0.bytes.readableBytes > 1400 || random.chance(10) ? [] : [$0] }
    for _ in 0..<400 {
      pair.clientChannel?.ping(at: pair.now)
      pair.run(for: .milliseconds(500))
    }
    let found = try #require(pair.serverChannel).maximumPayload
    // With one lost exchange in five, a size is misjudged once in 3,000 probes.
    #expect(found <= payload(1400) && found > payload(1400 - 64), "seed \(seed)")
  }

  @Test func `makes datagrams that carry nothing but filling`() throws {
    let pair = try pair(limit: 1452, mtu: 1300)
    for _ in 0..<50 {
      pair.clientChannel?.ping(at: pair.now)
      pair.run(for: .milliseconds(500))
    }
    let large = pair.sent.filter { $0.bytes.readableBytes > 1200 }
    #expect(large.count > 5)
    #expect(pair.serverPayloads.isEmpty && pair.clientPayloads.isEmpty)
    #expect(pair.sent.allSatisfy { $0.first == 0x80 || $0.bytes.readableBytes <= 1200 })
  }

  @Test func `says nothing about a path on which nobody is heard`() throws {
    let pair = try pair(limit: 1452, mtu: 1452)
    let client = try #require(pair.clientChannel)
    pair.wire = { _ in [] }
    for _ in 0..<120 {
      _ = pair.sealed([UInt8](repeating: 0, count: 1300), by: client)
      pair.run(for: .milliseconds(500))
    }
    #expect(client.maximumPayload == payload(1452))
    pair.wire = { [$0] }
    for _ in 0..<10 {
      client.ping(at: pair.now)
      pair.run(for: .milliseconds(500))
    }
    #expect(client.maximumPayload == payload(1452))
    #expect(client.nextDeadline == nil)
  }

  @Test func `notices that a path has become narrower, and finds the new size`() throws {
    let pair = try pair(limit: 1452, mtu: 1452)
    let client = try #require(pair.clientChannel)
    pair.clientEvents = []
    pair.wire = { $0.bytes.readableBytes > 1300 ? [] : [$0] }
    var narrowed: Instant?
    for _ in 0..<300 {
      _ = pair.sealed([UInt8](repeating: 0, count: client.maximumPayload), by: client)
      client.ping(at: pair.now)
      pair.run(for: .milliseconds(100))
      if narrowed == nil, pair.clientEvents.contains(.maximumPayloadChanged(payload(1200))) {
        narrowed = pair.now
      }
    }
    // A confirmation every five seconds, and its five probes.
    let when = try #require(narrowed)
    #expect(when - .origin <= .seconds(12))
    #expect(client.maximumPayload <= payload(1300))
    #expect(client.maximumPayload > payload(1300) - DatagramLimits.sizeSearchStep)
  }

  @Test func `looks at once when the layer above suspects something`() throws {
    let pair = try pair(limit: 1452, mtu: 1452)
    let client = try #require(pair.clientChannel)
    client.roundTrip = .milliseconds(20)
    pair.wire = { $0.bytes.readableBytes > 1300 ? [] : [$0] }
    client.suspectBlackHole(at: pair.now)
    for _ in 0..<10 {
      client.ping(at: pair.now)
      pair.run(for: .milliseconds(50))
    }
    #expect(pair.clientEvents.contains(.maximumPayloadChanged(payload(1200))))
    // And when there is nothing in it, nothing changes.
    let server = try #require(pair.serverChannel)
    pair.wire = { [$0] }
    server.suspectBlackHole(at: pair.now)
    pair.run(for: .seconds(5))
    #expect(server.maximumPayload == payload(1452))
  }

  @Test func `tries larger sizes again after a while`() throws {
    let pair = try pair(limit: 1452, mtu: 1300)
    let client = try #require(pair.clientChannel)
    for _ in 0..<100 {
      client.ping(at: pair.now)
      pair.run(for: .milliseconds(500))
    }
    #expect(client.maximumPayload < payload(1300) + 1)
    pair.wire = { [$0] }
    pair.now = pair.now + .seconds(601)
    _ = pair.sealed([1], by: client)
    pair.settle()
    #expect(client.maximumPayload == payload(1452))
  }

  @Test func `does not begin where the interface takes no more than every path does`() throws {
    for limit in [0, 500, 1200, 1210] {
      let pair = try pair(limit: limit, mtu: 1452)
      #expect(pair.clientChannel?.maximumPayload == payload(1200))
      #expect(pair.sent.allSatisfy { $0.bytes.readableBytes <= 1200 })
    }
  }
}
