import HawserPrimitives
import HawserTLS
import HawserTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `A TCP link` {
  @Test func `carries records both ways and reports each once`() async throws {
    try await LinkBench.with { bench in
      let (client, server) = try await bench.pair()
      let records = (0..<500).map { index in
        ByteBuffer(repeating: UInt8(truncatingIfNeeded: index), count: index * 31 % 16_381)
      }
      for peer in [client, server] { try await peer.run { $0.send(records) } }
      for peer in [client, server] {
        try await peer.wait { $0.received.count == 500 && $0.delivered.count == 500 }
        #expect(try await peer.run { $0.received } == records)
        #expect(
          try await peer.run { $0.delivered } == (0..<500).map { RecordNumber(UInt64($0)) }
        )
      }
    }
  }

  @Test func `has the same binding at both ends, and another one on the next link`() async throws {
    try await LinkBench.with { bench in
      let (client, server) = try await bench.pair()
      let binding = try await client.run { $0.link?.binding ?? [] }
      #expect(binding.count == 32)
      #expect(try await server.run { $0.link?.binding ?? [] } == binding)
      let second = try await bench.dial()
      try await second.wait { $0.isReady }
      #expect(try await second.run { $0.link?.binding ?? [] } != binding)
    }
  }

  @Test func `closes gracefully after what was to be sent`() async throws {
    try await LinkBench.with { bench in
      let (client, server) = try await bench.pair()
      try await client.run { user in
        user.send([ByteBuffer(string: "last words")])
        user.link?.close()
      }
      #expect(try await server.closing() == .closedByPeer)
      #expect(try await client.closing() == .closedHere)
      #expect(try await server.run { $0.received } == [ByteBuffer(string: "last words")])
      #expect(try await client.run { $0.closings.count } == 1)
    }
  }

  @Test func `pulls no more than the network takes`() async throws {
    try await LinkBench.with { bench in
      // A client whose handshake is done and that then reads nothing.
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      try await server.wait { $0.isReady }
      try await raw.channel.setOption(.autoRead, value: false).get()
      try await server.run { user in
        let payload = ByteBuffer(repeating: 1, count: TransportLimits.recordBytes)
        user.source = { [unowned user] buffer in
          buffer.writeImmutableBuffer(payload)
          defer { user.nextOutgoing += 1 }
          return RecordNumber(UInt64(user.nextOutgoing))
        }
        user.link?.wake()
      }
      // Hundreds of milliseconds later whatever was going to be pulled has been.
      try await server.wait { $0.nextOutgoing > 0 && $0.healths.last == .suspect }
      let pulled = try await server.run { $0.nextOutgoing * TransportLimits.recordBytes }
      #expect(pulled > 0)
      // The peer's kernel takes 1 MiB or twice that, ours a multiple of its limit of unsent bytes.
      #expect(pulled < 4 << 20)
    }
  }

  @Test func `pulls in order and puts its own messages first`() async throws {
    try await LinkBench.with { bench in
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      try await raw.wait { messages, _, _ in messages.contains(.ping(1)) }
      try await server.run { $0.outgoing = (0..<3).map { ByteBuffer(string: "\($0)") } }
      var bytes = ByteBuffer()
      RecordEncoder.write(record: ByteBuffer(string: "x"), to: &bytes)
      RecordEncoder.write(ping: 5, to: &bytes)
      RecordEncoder.write(ping: 6, to: &bytes)
      try await raw.send(bytes)
      // The report of the peer's record comes beside them, or first when this takes long.
      try await raw.wait { messages, _, _ in
        messages.count >= 6 && messages.contains(.report(1))
      }
      let expected: [LinkMessage] = [
        .ping(1), .pong(6), .record(ByteBuffer(string: "0")), .record(ByteBuffer(string: "1")),
        .record(ByteBuffer(string: "2")),
      ]
      #expect(try await raw.messages.filter { $0 != .report(1) }.prefix(5) == expected[...])
    }
  }

  @Test func `reports a lone record after 20 ms, and 64 KiB at once`() async throws {
    try await LinkBench.with { bench in
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      try await server.wait { $0.isReady }
      try await raw.wait { messages, _, _ in messages.contains(.ping(1)) }
      var one = ByteBuffer()
      RecordEncoder.write(record: ByteBuffer(string: "x"), to: &one)
      let start = ContinuousClock.now
      try await raw.send(one)
      try await raw.wait { messages, _, _ in messages.contains(.report(1)) }
      #expect(ContinuousClock.now - start >= .milliseconds(20))
      var many = ByteBuffer()
      for _ in 0..<8 {
        RecordEncoder.write(record: ByteBuffer(repeating: 0, count: 16_000), to: &many)
      }
      try await raw.send(many)
      try await raw.wait { messages, _, _ in messages.contains(.report(9)) }
    }
  }

  @Test func `measures the round trip soon after it is ready`() async throws {
    try await LinkBench.with { bench in
      let (client, server) = try await bench.pair()
      for peer in [client, server] {
        try await peer.wait { !$0.roundTrips.isEmpty }
        #expect(
          try await peer.run { $0.link?.statistics.smoothedRoundTrip == $0.roundTrips.last }
        )
      }
    }
  }

  @Test func `passes from one user to another within a callback`() async throws {
    try await LinkBench.with { bench in
      let (client, server) = try await bench.pair()
      let loop = bench.loop
      try await server.run { user in user.handsOverTo = RecordingUser(on: loop) }
      try await client.run { $0.send(["a", "b", "c"].map { ByteBuffer(string: $0) }) }
      try await client.wait { $0.delivered.count == 3 }
      #expect(try await server.run { $0.received } == [ByteBuffer(string: "a")])
      #expect(
        try await server.run { $0.handsOverTo?.received ?? [] }
          == [ByteBuffer(string: "b"), ByteBuffer(string: "c")]
      )
    }
  }

  @Test func `takes what arrives after it said goodbye, and reports that come`() async throws {
    var limits = TCPListener.Limits()
    limits.closeTime = .seconds(600)
    try await LinkBench.with(limits: limits) { bench in
      let raw = try await bench.connectRaw()
      try await raw.channel.setOption(.allowRemoteHalfClosure, value: true).get()
      let server = try await bench.accepted(0)
      try await raw.wait { messages, _, _ in messages.contains(.ping(1)) }
      try await server.run { user in
        user.send([ByteBuffer(string: "last words")])
        user.link?.close()
      }
      try await raw.wait { messages, _, _ in
        messages.contains(.record(ByteBuffer(string: "last words")))
      }
      var bytes = ByteBuffer()
      RecordEncoder.write(record: ByteBuffer(string: "under way"), to: &bytes)
      RecordEncoder.write(report: 1, to: &bytes)
      try await raw.send(bytes)
      try await server.wait { !$0.received.isEmpty && !$0.delivered.isEmpty }
      #expect(try await server.run { $0.received } == [ByteBuffer(string: "under way")])
      #expect(try await server.run { $0.delivered } == [RecordNumber(0)])
      try await raw.channel.close()
      #expect(try await server.closing() == .closedHere)
    }
  }

  @Test func `still takes and reports what arrives after a newer link took over`() async throws {
    var limits = TCPListener.Limits()
    limits.closeTime = .seconds(600)
    try await LinkBench.with(limits: limits) { bench in
      let raw = try await bench.connectRaw()
      let server = try await bench.accepted(0)
      try await raw.wait { messages, _, _ in messages.contains(.ping(1)) }
      try await server.run { user in
        user.send([ByteBuffer(string: "one")])
      }
      try await raw.wait { messages, _, _ in
        messages.contains(.record(ByteBuffer(string: "one")))
      }
      try await server.run { user in
        user.link?.retire()
        user.send([ByteBuffer(string: "for the newer link")])
      }
      var bytes = ByteBuffer()
      RecordEncoder.write(record: ByteBuffer(string: "under way"), to: &bytes)
      RecordEncoder.write(report: 1, to: &bytes)
      RecordEncoder.write(ping: 3, to: &bytes)
      try await raw.send(bytes)
      try await raw.wait { messages, _, _ in
        messages.contains(.pong(3)) && messages.contains(.report(1))
      }
      #expect(try await raw.messages.count { if case .record = $0 { true } else { false } } == 1)
      #expect(try await server.run { $0.received } == [ByteBuffer(string: "under way")])
      #expect(try await server.run { $0.delivered } == [RecordNumber(0)])
      #expect(try await server.run { $0.nextOutgoing } == 1)
      try await raw.channel.close()
      #expect(try await server.closing() == .closedHere)
    }
  }

  @Test func `is over within a second after a newer link took over`() async throws {
    try await LinkBench.with { bench in
      let (client, server) = try await bench.pair()
      for peer in [client, server] { try await peer.run { $0.link?.retire() } }
      for peer in [client, server] { #expect(try await peer.closing() == .closedHere) }
    }
  }
}
