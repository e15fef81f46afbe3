import Foundation
import Testing

/// The contract of the command line that scripts rely on.
@Suite(.timeLimit(.minutes(10))) struct CommandLineTests {
  @Test func `flags win over the environment, which wins over the file`() async throws {
    try await withLab { lab in
      let file = lab.path("server.yaml")
      try "public-host: file.example\n".write(to: file, atomically: true, encoding: .utf8)
      let config = ["--config", file.path(percentEncoded: false)]
      let environment = ["HAWSER_PUBLIC_HOST": "environment.example"]
      let byFile = try lab.server(config)
      let byEnvironment = try lab.server(config, environment: environment)
      let byFlag = try lab.server(
        config + ["--public-host", "flag.example"],
        environment: environment
      )
      let byDefault = try lab.server()
      #expect(try byFile.joinURL().contains("@file.example:"))
      #expect(try byEnvironment.joinURL().contains("@environment.example:"))
      #expect(try byFlag.joinURL().contains("@flag.example:"))
      #expect(try byDefault.joinURL().contains("@127.0.0.1:"))
    }
  }

  @Test func `an unknown key is an error that names the nearest one`() async throws {
    try await withLab { lab in
      let file = lab.path("server.yaml")
      try "publik-host: a.example\n".write(to: file, atomically: true, encoding: .utf8)
      let path = file.path(percentEncoded: false)
      for arguments in [["config", "check", path], ["server", "--config", path]] {
        let finished = try lab.run(arguments)
        #expect(finished.status == 78, "\(arguments)")
        #expect(finished.errors.contains("publik-host"))
        #expect(finished.errors.contains("public-host"))
      }
    }
  }

  @Test(
    arguments: [
      ["frobnicate"], ["server", "--frobnicate"], ["provider", "--transport", "pigeon", "80"],
      ["provider"], ["server", "--control", "70000"],
    ]
  )
  func `what cannot be understood ends with 64 or 78 and a sentence`(
    arguments: [String]
  ) async throws {
    try await withLab { lab in
      let finished = try lab.run(arguments)
      #expect([64, 78].contains(finished.status))
      #expect(!finished.errors.isEmpty)
    }
  }

  @Test func `the ready file has the agreed fields and is for its owner alone`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      #expect(server.ready.role == "server")
      #expect(server.ready.control?.address == "127.0.0.1")
      #expect(server.ready.entries?.map(\.mode) == ["tcp"])
      #expect(server.publicPort != 0 && server.controlPort != 0)
      #expect(try server.joinURL().wholeMatch(of: joinURLPattern) != nil)
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let ready = try provider.ready()
      #expect(ready.role == "provider")
      let attributes = try FileManager.default.attributesOfItem(
        atPath: lab.directory.appending(path: "server.json").path(percentEncoded: false)
      )
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test func `a provider joins by a server's ready file`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let readyFile = lab.path("provider.json")
      let provider = try lab.start(
        [
          "provider", "--join-file",
          lab.directory.appending(path: "server.json").path(percentEncoded: false),
          "--ready-file", readyFile.path(percentEncoded: false), "\(target.port)",
        ],
        name: "provider",
        readyFile: readyFile
      )
      _ = try provider.ready()
      try server.client().exchange("hello\n")
    }
  }

  @Test func `a provider reaches a target on a Unix socket`() async throws {
    try await withLab { lab in
      let target = lab.keep(try UnixGreeter(path: lab.path("target.sock"), greeting: "hello"))
      let server = try lab.server()
      _ = try lab.provider(join: server.joinURL(), target: "unix:\(target.path)")
      let (bytes, _) = try server.client().readAll()
      #expect(String(decoding: bytes, as: UTF8.self) == "hello")
    }
  }

  @Test func `status has the shape that scripts read, for people too`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      _ = try lab.provider(
        join: server.joinURL(),
        target: "127.0.0.1:\(target.port)",
        name: "boat"
      )
      let client = try server.client()
      try client.exchange("hello\n")
      let status = try lab.status(of: server)
      let session = try lab.session(of: server)
      let entries = try #require(status["entries"] as? [[String: Any]])
      let links = try #require(session["links"] as? [[String: Any]])
      #expect(status["pid"] as? Int == Int(server.ready.pid))
      #expect(entries.first?["port"] as? Int == server.publicPort)
      #expect(session["name"] as? String == "boat")
      #expect(session["state"] as? String == "connected")
      #expect(session["streams"] as? Int == 1)
      #expect(links.first?["transport"] as? String == "tcp")
      for key in ["limits", "parked", "totals", "uptimeSeconds", "version"] {
        #expect(status[key] != nil, "\(key)")
      }
      for key in ["bytesReceived", "bytesSent", "retainedBytes", "unreadBytes"] {
        #expect(session[key] as? Int != nil, "\(key)")
      }
      let folder = server.state.path(percentEncoded: false)
      let shown = try lab.run(["status", "--state", folder])
      #expect(shown.status == 0)
      #expect(shown.output.contains("boat"))
      let socket = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\($0)")
        return attributes[.type] as? FileAttributeType == .typeSocket
      }
      try #require(socket.count == 1)
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/\(socket[0])")
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
  }

  @Test func `the demonstration in one process delivers every byte once`() async throws {
    try await withLab { lab in
      let finished = try lab.run(
        ["demo", "--size", "4MiB", "--outage", "500ms"],
        within: .seconds(60)
      )
      #expect(finished.status == 0, "\(finished.errors)")
      #expect(finished.output.contains("Not a byte lost, not a byte twice."))
    }
  }

  @Test func `a simulated run tells its seed and ends with 0`() async throws {
    try await withLab { lab in
      let finished = try lab.run(["simulate", "--seed", "7", "--steps", "100"])
      #expect(finished.status == 0, "\(finished.errors)")
      #expect(finished.output.contains("seed 7"))
    }
  }

  @Test func `logs hold no secret`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server(["--log-format", "json"])
      let url = try server.joinURL()
      let provider = try lab.provider(join: url, target: "127.0.0.1:\(target.port)")
      try server.client().exchange("hello\n")
      let secret = try #require(url.firstMatch(of: /_([^@]+)@/)?.1)
      #expect(!server.process.logText.contains(secret))
      #expect(!provider.logText.contains(secret))
      let lines = server.process.logText.split(separator: "\n")
      #expect(!lines.isEmpty)
      for line in lines {
        let value = try? JSONSerialization.jsonObject(with: Data(line.utf8))
        #expect(value is [String: Any], "\(line)")
      }
    }
  }

  private var joinURLPattern: Regex<Substring> {
    /hawser:\/\/[a-z0-9]{8}_[A-Za-z0-9_-]{32}@127\.0\.0\.1:[0-9]+\?key=[A-Za-z0-9_-]{64}/
  }
}
