import Foundation
import Testing

/// How the roles begin and end, as scripts rely on it.
@Suite(.timeLimit(.minutes(10))) struct RoleContractTests {
  @Test func `without the first token's file there is no join URL any more`() async throws {
    try await withLab { lab in
      let first = try lab.server()
      _ = try first.joinURL()
      first.process.signal(SIGTERM)
      #expect(try first.process.exitStatus() == 0)
      try FileManager.default.removeItem(at: first.state.appending(path: "first-token"))
      let second = try lab.server(state: first.state)
      #expect(second.ready.join == nil)
      let file = lab.directory.appending(path: "server-2.json").path(percentEncoded: false)
      let provider = try lab.run(["provider", "--join-file", file, "80"])
      #expect(provider.status == 78)
      #expect(provider.errors.contains("hawser token create"))
    }
  }

  @Test func `a second server with the same state folder ends with 78`() async throws {
    try await withLab { lab in
      let server = try lab.server()
      let second = try lab.run([
        "server", "--control", "0", "--listen", "0", "--state",
        server.state.path(percentEncoded: false),
      ])
      #expect(second.status == 78)
      #expect(second.errors.contains("another server"))
      #expect(server.process.isRunning)
    }
  }

  @Test func `a port that is taken ends the server with 78 and its number`() async throws {
    try await withLab { lab in
      let server = try lab.server()
      let second = try lab.run([
        "server", "--control", "0", "--listen", "\(server.publicPort)", "--address", "127.0.0.1",
        "--state", lab.path("state").path(percentEncoded: false),
      ])
      #expect(second.status == 78)
      #expect(second.errors.contains("\(server.publicPort)"))
    }
  }

  @Test func `a second signal ends a server that drains at once`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server(["--drain", "60s"])
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let client = try server.client()
      try client.exchange("hello\n")
      server.process.signal(SIGTERM)
      try wait(for: "the entry being closed") { (try? server.client()) == nil }
      server.process.signal(SIGTERM)
      #expect(try server.process.exitStatus(within: .seconds(10)) == 0)
      #expect(!server.process.hasReadyFile)
      withExtendedLifetime(client) {}
    }
  }

  @Test func `a provider that finds no server stops when it is asked`() async throws {
    try await withLab { lab in
      let server = try lab.server()
      let url = try server.joinURL()
      server.process.kill()
      let provider = try lab.startProvider(join: url, target: "80")
      try wait(for: "an attempt") { provider.logText.contains("not reached") }
      provider.signal(SIGINT)
      #expect(try provider.exitStatus() == 0)
      #expect(!provider.hasReadyFile)
    }
  }

  @Test func `SIGHUP takes the log's level from the file anew`() async throws {
    try await withLab { lab in
      let file = lab.path("server.yaml")
      try "log-level: error\n".write(to: file, atomically: true, encoding: .utf8)
      let readyFile = lab.path("server.json")
      let process = try lab.start(
        [
          "server", "--control", "0", "--listen", "0", "--address", "127.0.0.1", "--state",
          lab.path("state").path(percentEncoded: false), "--ready-file",
          readyFile.path(percentEncoded: false), "--config", file.path(percentEncoded: false),
        ],
        name: "server",
        readyFile: readyFile
      )
      _ = try process.ready()
      #expect(process.logText.isEmpty)
      try "log-level: info\n".write(to: file, atomically: true, encoding: .utf8)
      process.signal(SIGHUP)
      try wait(for: "the reload") { process.logText.contains("configuration reloaded") }
      try "log-levle: info\n".write(to: file, atomically: true, encoding: .utf8)
      process.signal(SIGHUP)
      try wait(for: "the refusal") { process.logText.contains("configuration not reloaded") }
      #expect(process.isRunning)
    }
  }

  @Test func `a misspelt variable is warned of`() async throws {
    try await withLab { lab in
      let server = try lab.server(environment: ["HAWSER_GRASE": "1s"])
      #expect(server.process.logText.contains("HAWSER_GRACE"))
    }
  }
}
