import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `A client that moves` {
  private let elsewhere = address(5000, host: [203, 0, 113, 9])

  /// Delivers a payload of the client's from where it is now, and what follows from that.
  @discardableResult
  private func send(_ pair: Pair, _ client: SecureChannel, bytes: Int = 100) throws -> ByteBuffer {
    let datagram = try #require(
      pair.sealed([UInt8](repeating: 1, count: bytes), by: client)
    )
    #expect(pair.deliverToServer(datagram, from: pair.client) == .payload(.segments))
    return datagram
  }

  @Test func `to another port is followed, and what was learnt holds`() throws {
    let (pair, client, server) = try Pair.established(sizeLimit: 1400)
    let size = server.maximumPayload
    #expect(size == 1400 - DatagramLimits.dataOverheadBytes)
    pair.client = address(40_001)
    try send(pair, client)
    #expect(server.address == pair.client)
    #expect(server.maximumPayload == size)
    pair.settle()
    #expect(
      pair.serverEvents == [
        .pathChanged(PathChange(kind: .port, address: pair.client)), .unlimited,
      ]
    )
    #expect(server.maximumPayload == size)
    #expect(server.sendAllowance == .max)
    #expect(server.nextDeadline == nil)
  }

  @Test func `to another address is followed, and its size is learnt anew`() throws {
    let (pair, client, server) = try Pair.established(sizeLimit: 1400)
    pair.client = elsewhere
    try send(pair, client)
    #expect(server.address == elsewhere)
    #expect(server.maximumPayload == 1200 - DatagramLimits.dataOverheadBytes)
    pair.settle()
    #expect(
      pair.serverEvents == [
        .maximumPayloadChanged(1200 - DatagramLimits.dataOverheadBytes),
        .pathChanged(PathChange(kind: .address, address: elsewhere)), .unlimited,
        .maximumPayloadChanged(1400 - DatagramLimits.dataOverheadBytes),
      ]
    )
    #expect(server.sendAllowance == .max)
  }

  @Test func `is sent three times what came from there until it has answered`() throws {
    for bytes in [1, 10, 100, 1000] {
      let (pair, client, server) = try Pair.established()
      pair.client = elsewhere
      let received = try send(pair, client, bytes: bytes).readableBytes
      #expect(server.sendAllowance == 3 * received)
      var sent = 0
      // Nothing comes back, so nothing is ever proved.
      for _ in 0..<300 {
        for datagram in pair.transmissions() where !datagram.fromClient {
          if datagram.address == elsewhere { sent += datagram.bytes.readableBytes }
        }
        if server.address == elsewhere,
          let datagram = pair.sealed([UInt8](repeating: 2, count: 20), by: server)
        {
          sent += datagram.readableBytes
        }
        pair.now = pair.now + .milliseconds(100)
      }
      #expect(sent <= 3 * received, "\(bytes)")
      #expect(sent > 2 * received - 60, "\(bytes)")
      #expect(pair.sealed([UInt8](repeating: 2, count: 20), by: server) == nil)
      // No busy loop: what must not be sent has no deadline.
      server.deadlineReached(at: pair.now)
      if let deadline = server.nextDeadline { #expect(deadline > pair.now) }
    }
  }

  @Test func `proves nothing by an answer to another challenge`() throws {
    let (pair, client, server) = try Pair.established()
    let home = pair.client
    pair.client = elsewhere
    try send(pair, client)
    let challenges = pair.transmissions()
    #expect(Set(challenges.map(\.address)) == [home, elsewhere])
    // The answer to the challenge of the old path, and one that is made up.
    let old = try #require(challenges.first { $0.address == home })
    pair.deliver(old)
    var made = ByteBuffer()
    _ = client.seal(.segments, into: &made, at: pair.now) { buffer in
      buffer.moveWriterIndex(to: buffer.writerIndex - 1)
      ControlMessage.response(0xDEAD).write(into: &buffer)
      return true
    }
    for answer in pair.transmissions().filter(\.fromClient).map(\.bytes) + [made] {
      #expect(pair.deliverToServer(answer, from: elsewhere) == .control)
      #expect(server.sendAllowance < 1000)
    }
    let right = try #require(challenges.first { $0.address == elsewhere })
    pair.deliver(right)
    pair.settle()
    #expect(server.sendAllowance == .max)
  }

  @Test func `is only followed by its newest datagram`() throws {
    let (pair, client, server) = try Pair.established()
    let older = try #require(pair.sealed([1], by: client))
    let newer = try #require(pair.sealed([2], by: client))
    let copy = try #require(pair.sealed([3], by: client))
    #expect(pair.deliverToServer(newer, from: pair.client) == .payload(.segments))
    #expect(pair.deliverToServer(older, from: elsewhere) == .payload(.segments))
    #expect(pair.deliverToServer(copy, from: pair.client) == .payload(.segments))
    #expect(pair.deliverToServer(copy, from: elsewhere) == .dropped(.replayed))
    #expect(server.address == pair.client)
    pair.settle()
    #expect(pair.serverEvents.isEmpty)
  }

  @Test func `is not followed for datagrams that only try a path`() throws {
    let (pair, client, server) = try Pair.established()
    client.probe(pair.server.through(socket: 2), at: pair.now)
    let probe = try #require(pair.transmissions().first)
    #expect(probe.bytes.readableBytes == 1200)
    #expect(pair.deliverToServer(probe.bytes, from: elsewhere) == .control)
    #expect(server.address == pair.client)
    let answer = try #require(pair.transmissions().first)
    #expect(answer.address == elsewhere)
    pair.deliver(answer)
    pair.settle()
    #expect(pair.clientEvents == [.pathProved(pair.server.through(socket: 2))])
    #expect(pair.serverEvents.isEmpty)
  }

  @Test func `hears when a path that it tries leads nowhere`() throws {
    let (pair, client, _) = try Pair.established()
    let path = pair.server.through(socket: 2)
    client.probe(path, at: pair.now)
    pair.wire = { _ in [] }
    pair.run(for: .seconds(30))
    #expect(pair.clientEvents == [.pathFailed(path)])
    #expect(pair.sent.count == DatagramLimits.challenges)
    #expect(client.address == pair.server)
    #expect(client.nextDeadline == nil)
  }

  @Test func `by itself makes room for three full datagrams at once`() throws {
    let (pair, client, server) = try Pair.established()
    let path = pair.server.through(socket: 3)
    client.move(to: path, sizeLimit: 1200, at: pair.now)
    #expect(client.address == path)
    pair.client = elsewhere
    let first = try #require(pair.transmissions().first)
    pair.deliver(first)
    #expect(server.address == elsewhere)
    #expect(server.sendAllowance == 3600)
    // One way back and forth later everything is as before.
    pair.settle()
    #expect(server.sendAllowance == .max)
    #expect(pair.clientEvents.contains(.pathProved(path)))
    let change = PathChange(kind: .address, address: path)
    #expect(pair.clientEvents.first == .pathChanged(change))
  }

  @Test func `hears when nobody answers where it has moved to`() throws {
    let (pair, client, server) = try Pair.established()
    let path = pair.server.through(socket: 3)
    client.move(to: path, sizeLimit: 1200, at: pair.now)
    pair.wire = { _ in [] }
    pair.run(for: .seconds(30))
    #expect(pair.clientEvents.last == .pathFailed(path))
    #expect(client.address == path)
    #expect(server.address == pair.client)
  }

  @Test(arguments: 0..<4)
  func `every two seconds is followed every time, under loss`(worker: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let (pair, client, server) = try Pair.established(sizeLimit: 1400, seed: UInt8(worker) + 1)
    pair.wire = { datagram in
      if random.chance(20) { return [] }
      return random.chance(10) ? [datagram, datagram] : [datagram]
    }
    server.roundTrip = .milliseconds(50)
    for round in 0..<30 {
      let host: [UInt8] = random.chance(50) ? [198, 51, 100, UInt8(round)] : [198, 51, 100, 7]
      pair.client = address(UInt16(50_000 + round), host: host)
      for _ in 0..<20 {
        for channel in [client, server] {
          guard let datagram = pair.sealed([UInt8](repeating: 0, count: 500), by: channel) else {
            continue
          }
          guard !random.chance(20) else { continue }
          if channel === client {
            pair.deliverToServer(datagram, from: pair.client)
          } else if server.address == pair.client {
            pair.deliverToClient(datagram)
          }
        }
        pair.run(for: .milliseconds(100))
      }
      #expect(server.address == pair.client, "seed \(seed), round \(round)")
      #expect(server.sendAllowance == .max, "seed \(seed), round \(round)")
    }
    #expect(server.statistics.pathChanges == 30, "seed \(seed)")
    #expect(client.isOpen && server.isOpen, "seed \(seed)")
  }
}

struct `An attacker on the side` {
  private let attacker = address(666, host: [203, 0, 113, 66])

  @Test func `who races with copies moves nothing for long`() throws {
    let (pair, client, server) = try Pair.established(sizeLimit: 1400)
    let size = server.maximumPayload
    let datagram = try #require(pair.sealed([1], by: client))
    // The copy is faster than the original.
    #expect(pair.deliverToServer(datagram, from: attacker) == .payload(.segments))
    #expect(pair.deliverToServer(datagram, from: pair.client) == .dropped(.replayed))
    #expect(server.address == attacker)
    // The old path is asked, too, and the client's answer to that brings the server back, although
    // the client has nothing else to say.
    let asked = pair.transmissions()
    #expect(Set(asked.map(\.address)) == [attacker, pair.client])
    for challenge in asked where challenge.address == pair.client { pair.deliver(challenge) }
    pair.settle()
    #expect(server.address == pair.client)
    #expect(server.sendAllowance == .max)
    #expect(server.maximumPayload == size)
    let changes = pair.serverEvents.filter {
      if case .pathChanged = $0 { true } else { false }
    }
    #expect(changes.isEmpty)
    #expect(server.nextDeadline == nil)
  }

  @Test func `who races and holds the path back is given up`() throws {
    let (pair, client, server) = try Pair.established()
    let datagram = try #require(pair.sealed([1], by: client))
    pair.deliverToServer(datagram, from: attacker)
    #expect(server.address == attacker)
    pair.wire = { $0.fromClient ? [$0] : [] }
    pair.run(for: .seconds(30))
    #expect(server.address == pair.client)
    #expect(server.sendAllowance == .max)
    #expect(pair.serverEvents.contains(.pathFailed(attacker)))
    #expect(server.nextDeadline == nil)
  }

  @Test func `who races from many addresses has each sent at most three times what it sent`() throws
  {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let (pair, client, server) = try Pair.established()
    var received: [PathAddress: Int] = [:]
    var sent: [PathAddress: Int] = [:]
    for _ in 0..<500 {
      let payload = [UInt8](repeating: 0, count: Int.random(in: 1...900, using: &random))
      let datagram = try #require(pair.sealed(payload, by: client))
      let from =
        random.chance(50)
        ? address(.random(in: 1...20, using: &random), host: [203, 0, 113, 66]) : pair.client
      pair.deliverToServer(datagram, from: from)
      received[from, default: 0] += datagram.readableBytes
      for packet in pair.transmissions() where !packet.fromClient {
        sent[packet.address, default: 0] += packet.bytes.readableBytes
        // The client is not where the copies came from.
        if packet.address == pair.client { pair.deliver(packet) }
      }
      for _ in 0..<4 {
        let goal = server.address
        if let packet = pair.sealed([UInt8](repeating: 0, count: 700), by: server) {
          sent[goal, default: 0] += packet.readableBytes
        }
      }
      pair.now = pair.now + .milliseconds(Int.random(in: 0...50, using: &random))
    }
    for (address, bytes) in sent where address != pair.client {
      #expect(bytes <= 3 * received[address, default: 0], "seed \(seed)")
    }
    pair.deliverToServer(try #require(pair.sealed([1], by: client)), from: pair.client)
    #expect(server.address == pair.client)
  }

  @Test func `who sends on what the client says gets no more than it sends`() throws {
    let (pair, client, server) = try Pair.established()
    var old = ByteBuffer()
    _ = client.seal(.segments, into: &old, at: pair.now) { buffer in
      buffer.moveWriterIndex(to: buffer.writerIndex - 1)
      for number in UInt64(0)..<40 { ControlMessage.ping(number).write(into: &buffer) }
      return true
    }
    pair.deliverToServer(try #require(pair.sealed([1], by: client)), from: pair.client)
    #expect(pair.deliverToServer(old, from: attacker) == .control)
    let answers = pair.transmissions()
    #expect(answers.map(\.address) == [attacker])
    #expect(answers.allSatisfy { $0.bytes.readableBytes <= old.readableBytes })
    #expect(server.address == pair.client)
  }

  @Test func `who repeats INIT from elsewhere leaves no path proved at first`() throws {
    let pair = try Pair()
    let initial = try #require(pair.transmissions().first)
    pair.deliverToServer(initial.bytes, from: attacker)
    pair.deliver(initial)
    for answer in answersOfListener(pair) where answer.address == pair.client {
      pair.deliver(answer)
    }
    let first = try #require(pair.transmissions().first)
    pair.deliverToServer(first.bytes, from: attacker)
    let server = try #require(pair.serverChannel)
    #expect(server.address == attacker)
    #expect(server.sendAllowance <= 3 * first.bytes.readableBytes)
    // The attacker has nothing to answer with; the client goes on.
    pair.run(for: .seconds(2))
    let client = try #require(pair.clientChannel)
    pair.deliverToServer(try #require(pair.sealed([1], by: client)), from: pair.client)
    pair.settle()
    #expect(server.address == pair.client)
    #expect(server.sendAllowance == .max)
  }

  @Test func `who repeats INIT does not keep a client from proving its path later`() throws {
    var dialling = ClientHandshake.Configuration()
    dialling.sizeLimit = 1200
    let pair = try Pair(dialling: dialling)
    let initial = try #require(pair.transmissions().first)
    pair.deliver(initial)
    pair.deliverToServer(initial.bytes, from: attacker)
    for answer in answersOfListener(pair) where answer.address == pair.client {
      pair.deliver(answer)
    }
    // The first answer arrives, which confirms the channel, and then nothing for a while.
    var isCut = false
    pair.wire = { datagram in
      defer { if !datagram.fromClient { isCut = true } }
      return isCut && !datagram.fromClient ? [] : [datagram]
    }
    pair.run(for: .seconds(30))
    let client = try #require(pair.clientChannel)
    let server = try #require(pair.serverChannel)
    #expect(pair.clientEvents.contains(.confirmed))
    #expect(server.address == pair.client)
    #expect(server.sendAllowance < 1000)
    #expect(server.nextDeadline == nil)
    pair.wire = { [$0] }
    pair.deliverToServer(try #require(pair.sealed([1], by: client)), from: pair.client)
    pair.settle()
    #expect(server.sendAllowance == .max)
    #expect(pair.serverEvents.contains(.unlimited))
  }

  @Test func `who takes the first datagram elsewhere does not move the channel there`() throws {
    let pair = try Pair()
    let initial = try #require(pair.transmissions().first)
    pair.deliver(initial)
    for answer in answersOfListener(pair) { pair.deliver(answer) }
    let first = try #require(pair.transmissions().first)
    pair.deliverToServer(first.bytes, from: attacker)
    let server = try #require(pair.serverChannel)
    #expect(server.address == attacker)
    #expect(server.sendAllowance < 1000)
    for _ in 0..<2 { pair.run(for: .seconds(1)) }
    pair.settle()
    #expect(server.address == pair.client)
    #expect(server.sendAllowance == .max)
  }
}
