import HawserPrimitives
import HawserTLS
import HawserTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1)))
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
          try await peer.run { $0.delivered } == (0..<500).map { RecordNumber(UInt64($0)) })
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
}
