import HawserCryptography
import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `A secure channel` {
  @Test func `refuses a datagram that it has seen, and takes reordered ones`() throws {
    let (pair, client, server) = try Pair.established()
    let datagrams = try (0..<100).map { try #require(pair.sealed([UInt8($0)], by: client)) }
    for datagram in datagrams.reversed() {
      #expect(pair.deliverToServer(datagram, from: pair.client) == .payload(.segments))
    }
    for datagram in datagrams {
      #expect(pair.deliverToServer(datagram, from: pair.client) == .dropped(.replayed))
    }
    #expect(server.statistics.replayed == 100)
    #expect(pair.serverPayloads.map { $0[0] } == (0..<100).reversed())
  }

  @Test func `does not let a forgery move its replay window`() throws {
    let (pair, client, _) = try Pair.established()
    let genuine = try #require(pair.sealed([1], by: client))
    var forged = genuine
    forged.setInteger(UInt64(2_000_000), at: 9)
    #expect(pair.deliverToServer(forged, from: pair.client) == .dropped(.notAuthentic))
    var damaged = genuine
    damaged.setInteger(UInt8(0xFF), at: damaged.writerIndex - 1)
    #expect(pair.deliverToServer(damaged, from: pair.client) == .dropped(.notAuthentic))
    #expect(pair.deliverToServer(genuine, from: pair.client) == .payload(.segments))
  }

  @Test func `refuses a datagram of which any bit is not as it was`() throws {
    let (pair, client, server) = try Pair.established()
    let genuine = try #require(pair.sealed([1, 2, 3], by: client))
    let opened = server.statistics.datagramsOpened
    for index in 0..<genuine.readableBytes {
      for bit in 0..<8 {
        var damaged = genuine
        let byte: UInt8 = try #require(damaged.getInteger(at: index))
        damaged.setInteger(byte ^ 1 << bit, at: index)
        guard case .dropped = pair.deliverToServer(damaged, from: pair.client) else {
          Issue.record("bit \(bit) of byte \(index)")
          return
        }
      }
    }
    for count in 0..<genuine.readableBytes {
      let cut = try #require(genuine.getSlice(at: 0, length: count))
      guard case .dropped = pair.deliverToServer(cut, from: pair.client) else {
        Issue.record("cut to \(count)")
        return
      }
    }
    #expect(server.statistics.datagramsOpened == opened)
    #expect(pair.deliverToServer(genuine, from: pair.client) == .payload(.segments))
  }

  @Test func `does not take its own datagrams back`() throws {
    let (pair, client, server) = try Pair.established()
    var reflected = try #require(pair.sealed([1], by: client))
    reflected.setInteger(client.localID.rawValue, at: 1)
    #expect(pair.deliverToClient(reflected) == .dropped(.notAuthentic))
    #expect(server.statistics.notAuthentic == 0)
  }

  @Test func `never uses a packet number twice, over keys that are replaced`() throws {
    let (pair, client, server) = try Pair.established()
    var numbers: Set<UInt64> = []
    var epochs: Set<UInt64> = []
    var ciphertexts: Set<[UInt8]> = []
    for round in 0..<50 {
      for _ in 0..<10 {
        let datagram = try #require(pair.sealed([UInt8](repeating: 0, count: 32), by: client))
        let number: UInt64 = try #require(datagram.getInteger(at: 9))
        #expect(numbers.insert(number).inserted)
        #expect(ciphertexts.insert(Array(datagram.readableBytesView.dropFirst(17))).inserted)
        epochs.insert(number >> 22)
        #expect(
          pair.deliverToServer(datagram, from: pair.client) == .payload(.segments),
          "round \(round)"
        )
      }
      pair.deliverToClient(try #require(pair.sealed([1], by: server)))
      pair.now = pair.now + .seconds(120)
    }
    // 50 rounds of two minutes, a key for ten of them.
    #expect(epochs == Set(0...9))
  }

  @Test func `does not replace its key while the peer is silent`() throws {
    let (pair, client, server) = try Pair.established()
    for _ in 0..<20 {
      pair.now = pair.now + .seconds(700)
      _ = try #require(pair.sealed([1], by: client))
    }
    let datagram = try #require(pair.sealed([1], by: client))
    let number: UInt64 = try #require(datagram.getInteger(at: 9))
    // It was heard in the first epoch, so it went on once, and then waited.
    #expect(number >> 22 == 1)
    #expect(pair.deliverToServer(datagram, from: pair.client) == .payload(.segments))
    #expect(server.isOpen)
  }

  @Test func `opens datagrams of the old key that were overtaken by the new one`() throws {
    let (pair, client, _) = try Pair.established()
    let old = try (0..<10).map { try #require(pair.sealed([UInt8($0)], by: client)) }
    pair.now = pair.now + .seconds(601)
    let new = try (0..<10).map { try #require(pair.sealed([UInt8($0)], by: client)) }
    #expect(new[0].getInteger(at: 9, as: UInt64.self) == 1 << 22)
    #expect(pair.deliverToServer(new[3], from: pair.client) == .payload(.segments))
    for datagram in old.prefix(9) + new.prefix(3) {
      #expect(pair.deliverToServer(datagram, from: pair.client) == .payload(.segments))
      #expect(pair.deliverToServer(datagram, from: pair.client) == .dropped(.replayed))
    }
    // The key goes after a while.
    let deadline = try #require(pair.serverChannel?.nextDeadline)
    #expect(deadline == pair.now + DatagramLimits.oldKeyLifetime)
    pair.run(for: .seconds(11))
    #expect(pair.deliverToServer(old[9], from: pair.client) == .dropped(.tooOld))
    #expect(pair.deliverToServer(new[9], from: pair.client) == .payload(.segments))
    #expect(pair.serverChannel?.nextDeadline == nil)
  }

  @Test func `forgets the old key when the new one has left it behind`() throws {
    let (pair, client, _) = try Pair.established()
    let old = try #require(pair.sealed([1], by: client))
    pair.now = pair.now + .seconds(601)
    for _ in 0...ReplayWindow.span {
      let datagram = try #require(pair.sealed([1], by: client))
      #expect(pair.deliverToServer(datagram, from: pair.client) == .payload(.segments))
    }
    #expect(pair.serverChannel?.nextDeadline == nil)
    #expect(pair.deliverToServer(old, from: pair.client) == .dropped(.tooOld))
  }

  @Test func `tells the layer above when it is closed, and the peer again when it goes on`() throws
  {
    let (pair, client, server) = try Pair.established()
    let late = try (0..<10).map { try #require(pair.sealed([UInt8($0)], by: client)) }
    var lost = 2
    pair.wire = { datagram in
      lost -= 1
      return lost >= 0 ? [] : [datagram]
    }
    server.close(code: 7, at: pair.now)
    pair.settle()
    #expect(pair.serverEvents == [.ended(.closedHere(code: 7))])
    #expect(pair.clientEvents.isEmpty)
    for datagram in late {
      #expect(pair.deliverToServer(datagram, from: pair.client) == .dropped(.closed))
      pair.settle()
    }
    #expect(pair.clientEvents == [.ended(.closedByPeer(code: 7))])
    #expect(pair.sent.count == 1 + DatagramLimits.closeRepetitions)
    #expect(pair.sealed([1], by: client) == nil)
    #expect(pair.sealed([1], by: server) == nil)
    #expect(client.nextDeadline == nil && server.nextDeadline == nil)
    #expect(!client.isOpen && !server.isOpen)
  }

  @Test func `measures the round trip by a ping`() throws {
    let (pair, client, _) = try Pair.established()
    let number = client.ping(at: pair.now)
    let ping = try #require(pair.transmissions().first)
    pair.now = pair.now + .milliseconds(30)
    pair.deliver(ping)
    let pong = try #require(pair.transmissions().first)
    pair.now = pair.now + .milliseconds(20)
    pair.deliver(pong)
    pair.settle()
    #expect(pair.clientEvents == [.pong(number: number, roundTrip: .milliseconds(50))])
    #expect(client.roundTrip == .milliseconds(50))
    #expect(client.lastHeard == pair.now)
  }

  @Test func `has nothing to do while nobody sends`() throws {
    let (pair, client, server) = try Pair.established()
    #expect(client.nextDeadline == nil)
    #expect(server.nextDeadline == nil)
    pair.run(for: .seconds(3600))
    #expect(pair.sent.isEmpty)
  }

  @Test func `puts several datagrams into one buffer, and nothing when there is no payload`() throws
  {
    let (pair, client, _) = try Pair.established()
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt8(0xAA))
    buffer.moveReaderIndex(forwardBy: 1)
    let none = client.seal(.segments, into: &buffer, at: pair.now) { buffer in
      buffer.writeInteger(UInt64(7))
      return false
    }
    #expect(none == nil)
    #expect(buffer.readableBytes == 0)
    for number in UInt8(0)..<3 {
      let address = client.seal(.extended, into: &buffer, at: pair.now) { buffer in
        buffer.writeRepeatingByte(number, count: 100)
        return true
      }
      #expect(address == pair.server)
    }
    let size = 100 + DatagramLimits.dataOverheadBytes
    #expect(buffer.readableBytes == 3 * size)
    for number in UInt8(0)..<3 {
      guard let datagram = buffer.readSlice(length: size) else { return }
      let kind = try #require(PayloadKind(rawValue: 1))
      #expect(pair.deliverToServer(datagram, from: pair.client) == .payload(kind))
      #expect(pair.serverPayloads.last == [UInt8](repeating: number, count: 100))
    }
  }

  @Test func `ignores what a later version may say`() throws {
    let (pair, client, server) = try Pair.established()
    var buffer = ByteBuffer()
    // Not through the door for payloads: a type that this version does not have.
    _ = client.seal(.segments, into: &buffer, at: pair.now) { buffer in
      buffer.setInteger(UInt8(0x7F), at: buffer.writerIndex - 1)
      return true
    }
    #expect(pair.deliverToServer(buffer, from: pair.client) == .dropped(.unknownContent))
    #expect(server.isOpen)
    // An unused kind is the layer above's to judge.
    let kind = try #require(PayloadKind(rawValue: 0x3F))
    #expect(PayloadKind(rawValue: 0x40) == nil)
    buffer.clear()
    _ = client.seal(kind, into: &buffer, at: pair.now) { _ in true }
    #expect(pair.deliverToServer(buffer, from: pair.client) == .payload(kind))
  }
}

struct `A secure channel on a bad network` {
  /// A datagram under way.
  private struct Flight {
    let arrives: Instant
    let fromClient: Bool
    let bytes: ByteBuffer
    let address: PathAddress
  }

  @Test(arguments: 0..<6)
  func `delivers what was sent, each datagram once at most`(worker: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let (pair, client, server) = try Pair.established(sizeLimit: 1400, seed: UInt8(worker) + 1)
    var flights: [Flight] = []
    var counter: UInt64 = 0
    var sent: Set<[UInt8]> = []
    var numbers: [Bool: Set<UInt64>] = [:]
    func launch(_ bytes: ByteBuffer, fromClient: Bool, address: PathAddress) {
      let number = bytes.getInteger(at: 9, as: UInt64.self) ?? 0
      #expect(numbers[fromClient, default: []].insert(number).inserted, "seed \(seed)")
      if random.chance(15) { return }
      for _ in 0..<(random.chance(10) ? 2 : 1) {
        var copy = bytes
        if random.chance(3) { copy.damage(using: &random) }
        let delay = Duration.milliseconds(Int.random(in: 5...80, using: &random))
        flights.append(
          Flight(
            arrives: pair.now + delay,
            fromClient: fromClient,
            bytes: copy,
            address: random.chance(2) ? stranger : address
          )
        )
      }
    }
    for step in 0..<6_000 {
      if step % 1000 == 999 {
        // Longer than a key lives; nothing is under way any more.
        pair.now = pair.now + .seconds(620)
      }
      if random.chance(1) { pair.client = address(.random(in: 1000...2000, using: &random)) }
      pair.now = pair.now + .milliseconds(Int.random(in: 0...20, using: &random))
      for (channel, fromClient) in [(client, true), (server, false)] {
        channel.deadlineReached(at: pair.now)
        var payload = ByteBuffer(repeating: 0, count: .random(in: 0...900, using: &random))
        payload.writeInteger(counter)
        counter += 1
        var bytes = ByteBuffer()
        let goal = channel.seal(.segments, into: &bytes, at: pair.now) { buffer in
          buffer.writeImmutableBuffer(payload)
          return true
        }
        guard let goal else { continue }
        sent.insert(Array(payload.readableBytesView))
        launch(bytes, fromClient: fromClient, address: fromClient ? pair.client : goal)
      }
      for datagram in pair.transmissions() {
        launch(datagram.bytes, fromClient: datagram.fromClient, address: datagram.address)
      }
      for flight in flights where flight.arrives <= pair.now {
        if flight.fromClient {
          pair.deliverToServer(flight.bytes, from: flight.address)
        } else if flight.address == pair.client {
          pair.deliverToClient(flight.bytes)
        }
      }
      flights.removeAll { $0.arrives <= pair.now }
    }
    let delivered = pair.clientPayloads + pair.serverPayloads
    #expect(Set(delivered).count == delivered.count, "seed \(seed)")
    #expect(Set(delivered).isSubset(of: sent), "seed \(seed)")
    #expect(delivered.count > 6_000, "seed \(seed)")
    #expect(client.isOpen && server.isOpen, "seed \(seed)")
    #expect(client.statistics.notAuthentic + server.statistics.notAuthentic > 50)
    let epochs = Set(numbers.values.joined().map { $0 >> 22 })
    #expect(epochs.isSuperset(of: 0...5), "seed \(seed)")
  }
}

/// Where copies come from that somebody else sends on.
private let stranger = address(9, host: [203, 0, 113, 99])

struct `The end of the packet numbers` {
  @Test func `ends the channel before one comes twice`() throws {
    let (client, server) = try channels(first: .max - 2)
    var datagrams: [ByteBuffer] = []
    for _ in 0..<3 {
      var buffer = ByteBuffer()
      #expect(client.seal(.segments, into: &buffer, at: .origin) { _ in true } != nil)
      datagrams.append(buffer)
    }
    let numbers = datagrams.map { $0.getInteger(at: 9, as: UInt64.self) }
    #expect(numbers == [.max - 2, .max - 1, .max])
    var buffer = ByteBuffer()
    #expect(client.seal(.segments, into: &buffer, at: .origin) { _ in true } == nil)
    #expect(buffer.readableBytes == 0)
    #expect(client.nextEvent() == .ended(.exhausted))
    #expect(client.nextTransmission(into: &buffer, at: .origin) == nil)
    var payload = ByteBuffer()
    for datagram in datagrams {
      let arrival = server.receive(datagram, from: address(1), at: .origin, into: &payload)
      #expect(arrival == .payload(.segments))
    }
  }

  @Test func `of a key leads to the next key`() throws {
    let (client, server) = try channels(first: (1 << 22) - 2)
    var datagrams: [ByteBuffer] = []
    for _ in 0..<4 {
      var buffer = ByteBuffer()
      #expect(client.seal(.segments, into: &buffer, at: .origin) { _ in true } != nil)
      datagrams.append(buffer)
    }
    #expect(datagrams[2].getInteger(at: 9, as: UInt64.self) == 1 << 22)
    var payload = ByteBuffer()
    for index in [2, 1, 3, 0] {
      let datagram = datagrams[index]
      let arrival = server.receive(datagram, from: address(1), at: .origin, into: &payload)
      #expect(arrival == .payload(.segments), "\(index)")
    }
  }

  @Test(arguments: [UInt64(3), 4])
  func `is accepted three keys ahead, and no further`(distance: UInt64) throws {
    let (pair, client, server) = try Pair.established()
    var newest = ByteBuffer()
    // The client hears the server, but not the other way round.
    for _ in 0..<distance {
      pair.now = pair.now + .seconds(601)
      pair.deliverToClient(try #require(pair.sealed([1], by: server)))
      newest = try #require(pair.sealed([1], by: client))
    }
    #expect(newest.getInteger(at: 9, as: UInt64.self) == distance << 22)
    let arrival = pair.deliverToServer(newest, from: pair.client)
    #expect(arrival == (distance == 3 ? .payload(.segments) : .dropped(.tooFarAhead)))
  }

  private func channels(first: UInt64) throws -> (client: SecureChannel, server: SecureChannel) {
    let keys = NoiseHandshake.Result(
      hash: [UInt8](repeating: 1, count: 32),
      initiatorKey: Secret(bytes: [UInt8](repeating: 2, count: 32)),
      responderKey: Secret(bytes: [UInt8](repeating: 3, count: 32))
    )
    let agreement = DatagramAgreement(version: 1, cipher: .chaCha20Poly1305, extensions: [])
    let make = { (role: SecureChannel.Role, local: UInt64, remote: UInt64) in
      SecureChannel(
        SecureChannel.Foundation(
          role: role,
          localID: ConnectionID(local),
          remoteID: ConnectionID(remote),
          agreement: agreement,
          keys: keys,
          sizeLimit: 1200,
          random: SecretGenerator(seed: Secret(bytes: [1])),
          firstNumber: first
        ),
        path: Path(validated: address(1), size: SizeSearch(limit: 1200, at: .origin)),
        at: .origin
      )
    }
    return (make(.client, 1, 2), make(.server, 2, 1))
  }
}
