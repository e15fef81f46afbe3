import Foundation
import Testing

/// Processes that come, go, die and return.
@Suite(.timeLimit(.minutes(10))) struct LifecycleTests {
  @Test(arguments: TransportUnderTest.allCases)
  func `a provider killed and started again serves at once, and old streams end at once`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server(["--grace", "60s"])
      let start = {
        try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      }
      let first = try start()
      let old = try server.client()
      try old.exchange("old\n")
      first.kill()
      let parked = try server.client()
      try parked.write("parked\n")
      _ = try start()
      let from = ContinuousClock.now
      #expect(try old.readAll().end == .reset)
      #expect(try parked.read(exactly: 7).count == 7)
      try server.client().exchange("new\n")
      let time = ContinuousClock.now - from
      print("old streams ended and new clients were served \(time) after the restart")
      #expect(time < .seconds(5))
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a server killed and started again is found again`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let old = try server.client()
      try old.exchange("old\n")
      server.process.kill()
      #expect(try old.readAll().end != .bytes([]))
      let again = try lab.server(
        state: server.state,
        control: server.controlPort,
        listen: server.publicPort
      )
      #expect(try again.joinURL() == server.joinURL(), "identity and token stay")
      try again.client().exchange("new\n")
      #expect(provider.isRunning)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `SIGTERM lets streams finish, then ends with 0 and without a ready file`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let client = try server.client()
      try client.exchange("before\n")
      server.process.signal(SIGTERM)
      try wait(for: "the entry being closed") { (try? server.client()) == nil }
      try client.exchange("while it drains\n")
      client.finishWriting()
      #expect(try client.readAll().end == .end)
      #expect(try server.process.exitStatus() == 0)
      #expect(!server.process.hasReadyFile)

      #expect(provider.isRunning, "a server that stops may come back")
      provider.signal(SIGTERM)
      #expect(try provider.exitStatus() == 0)
      #expect(!provider.hasReadyFile)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `of two providers the one whose target is down costs no client`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let dead = try lab.unusedPort()
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(dead)", name: "down")
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)", name: "up")
      for round in 0..<30 { try server.client().exchange("round \(round)\n") }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a target that refuses gets the client a closed connection and a line in the log`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let server = try lab.server()
      let dead = try lab.unusedPort()
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(dead)")
      let (bytes, _) = try server.client().readAll()
      #expect(bytes.isEmpty)
      try wait(for: "the log naming the target") { provider.logText.contains("\(dead)") }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a client that waits longer than --park is closed, one that waits less is served`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server(["--park", "2s"])
      let start = ContinuousClock.now
      let (bytes, _) = try server.client().readAll()
      #expect(bytes.isEmpty)
      #expect(ContinuousClock.now - start >= .seconds(2))
      let patient = try server.client()
      try patient.write("parked\n")
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      #expect(try patient.read(exactly: 7).count == 7)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `clients over --max-clients are closed, and their place is free again afterwards`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server(["--max-clients", "3"])
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let clients = try (0..<3).map { _ in try server.client() }
      for client in clients { try client.exchange("hello\n") }
      #expect(try server.client().readAll().bytes.isEmpty)
      for client in clients { client.close() }
      try wait(for: "a place being free") {
        let client = try server.client()
        try? client.write("hello\n")
        return try client.read() == .bytes(Array("hello\n".utf8))
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a second copy with the same name replaces the first, which ends with 69`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let first = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      #expect(try first.exitStatus() == 69)
      #expect(first.logText.contains("replaced"))
      try server.client().exchange("hello\n")
    }
  }
}
