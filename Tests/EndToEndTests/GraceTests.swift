import Foundation
import Testing

/// What is left of a session when its grace is over: nothing.
@Suite(.timeLimit(.minutes(10))) struct GraceTests {
  /// Which side's grace ends first.
  enum First: String, CaseIterable, CustomTestStringConvertible {
    case both
    /// The provider is suspended meanwhile.
    case server
    /// The server is suspended meanwhile.
    case provider

    var testDescription: String { rawValue }
  }

  @Test(arguments: TransportUnderTest.allCases, First.allCases)
  func `its end resets both sides and gives everything back, whichever comes first`(
    transport: TransportUnderTest,
    first: First
  ) async throws {
    try await withLab(transport, load: .patience) { lab in
      let target = lab.keep(try Self.pushing(byteCount: 1 << 20))
      let tunnel = try lab.tunnel(to: target.port, grace: "2s")
      // The first round warms caches up; what later ones leave behind would be a leak.
      var levels: [Levels] = []
      for round in 0..<4 {
        let clients = try Self.clients(of: tunnel.server)
        switch first {
        case .both:
          try tunnel.relay.goDown()
          Self.expectResets(clients, "round \(round)")
          try tunnel.relay.comeBack()
        case .server:
          tunnel.provider.signal(SIGSTOP)
          try tunnel.relay.goDown()
          // Nobody but the server is awake to tell them.
          Self.expectResets(clients, "round \(round)")
          tunnel.provider.signal(SIGCONT)
          try tunnel.relay.comeBack()
        case .provider:
          tunnel.server.process.signal(SIGSTOP)
          try tunnel.relay.goDown()
          try wait(for: "the targets being reset in round \(round)") {
            target.openCount == 0
          }
          tunnel.server.process.signal(SIGCONT)
          try tunnel.relay.comeBack()
          Self.expectResets(clients, "round \(round)")
        }
        for client in clients { client.close() }
        try wait(for: "every target being reset in round \(round)") { target.openCount == 0 }

        let next = try tunnel.server.client()
        try next.write("d")
        _ = try next.read(exactly: 1 << 20)
        next.finishWriting()
        #expect(try next.readAll().end == .end)
        next.close()
        let before = levels.first
        levels.append(
          try lab.levelsAtRest(tunnel.server, tunnel.provider, noMoreDescriptorsThan: before)
        )
      }
      print("grace ended first for \(first): \(levels.map(\.description))")
      // 15 streams hold up to a megabyte each on either side: more than this would be missing.
      levels[3].expectNoMoreMemory(than: levels[0], bytesAbove: 10 << 20)
    }
  }

  /// A target that sends a burst to clients that ask for it by a `d`, and reads from others no more
  /// than their first byte.
  private static func pushing(byteCount: Int) throws -> TargetServer {
    let burst = [UInt8](repeating: 7, count: byteCount)
    return try TargetServer { connection in
      if try connection.read(exactly: 1) == [UInt8(ascii: "d")] {
        try connection.write(burst)
        _ = try connection.readAll()
      } else {
        connection.awaitReset()
      }
    }
  }

  /// Clients amid transfers that do not move: some do not read, the targets of others do not.
  private static func clients(of server: RunningServer) throws -> [StuckClient] {
    try (0..<15).map { number in
      let socket = try server.client()
      guard number % 2 == 1 else {
        try socket.write("d")
        _ = try socket.read(exactly: 4096)
        return StuckClient(socket: socket, upload: nil)
      }
      try socket.write("u")
      let upload = Background { try socket.write([UInt8](repeating: 3, count: 8 << 20)) }
      return StuckClient(socket: socket, upload: upload)
    }
  }

  private static func expectResets(_ clients: [StuckClient], _ when: String) {
    for (index, client) in clients.enumerated() {
      #expect(client.isReset(), "client \(index), \(when)")
    }
  }
}

/// A client whose transfer does not move.
private struct StuckClient {
  let socket: PlainSocket
  let upload: Background<Void>?

  /// Waits for the end of the connection, and tells whether it was a reset. The kernel tells who
  /// comes first: the one who writes or the one who reads.
  func isReset() -> Bool {
    if (try? socket.readAll().end) == .reset { return true }
    do {
      try upload?.value()
      return false
    } catch let failure as SocketFailure {
      return failure.isReset
    } catch {
      return false
    }
  }

  func close() { socket.close() }
}
