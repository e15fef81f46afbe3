import Foundation
import HawserCryptography
import Testing

/// Programs that people use work through the tunnel as without it, and notice nothing when the link
/// is cut while they work.
@Suite(.timeLimit(.minutes(10))) struct ProgramTests {
  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `curl downloads 50 MB from nginx whole`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      let nginx = try lab.nginx()
      let published = try lab.randomFile("published", byteCount: 50_000_000, seed: 1)
      try FileManager.default.moveItem(at: published, to: nginx.root.appending(path: "file"))
      let tunnel = try lab.tunnel(to: nginx.port, grace: "60s")
      let file = lab.path("download")
      try tunnel.inWeather(weather) {
        let url = "http://127.0.0.1:\(tunnel.server.publicPort)/file"
        let status = try lab.curl(["-o", file.plainPath, url])
        #expect(status == 0)
      }
      #expect(try digest(of: file) == digest(of: nginx.root.appending(path: "file")))
    }
  }

  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `wrk keeps 100 connections to nginx alive without one error`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      let nginx = try lab.nginx()
      _ = try nginx.publish("page", byteCount: 10_000, seed: 2)
      let tunnel = try lab.tunnel(to: nginx.port, grace: "60s")
      // A slow machine serves little in five seconds.
      try tunnel.inWeather(weather, cutAfterBytes: 100_000...400_000) {
        let report = try lab.succeed(
          "wrk",
          [
            "-t", "2", "-c", "100", "-d", "5s", "--timeout", "30s",
            "http://127.0.0.1:\(tunnel.server.publicPort)/page",
          ]
        )
        let match = try #require(report.firstMatch(of: /(\d+) requests in/))
        let requests = try #require(Int(match.1))
        print("wrk through the tunnel, \(weather): \(requests) requests in 5 s")
        #expect(requests > 100)
        #expect(!report.contains("Socket errors"), "\(report)")
        #expect(!report.contains("Non-2xx"), "\(report)")
        // nginx hangs up after a thousand requests; none but that makes wrk connect anew.
        let totals = try #require(try lab.status(of: tunnel.server)["totals"] as? [String: Any])
        #expect(try #require(totals["clients"] as? Int) <= 101 + requests / 1000)
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `redis takes a pipeline of 50,000 commands in order, each once`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      let redis = try lab.redis()
      let tunnel = try lab.tunnel(to: redis.port, grace: "60s")
      let count = 50_000
      let values = (0..<count).map { "value-\($0)-\(String(repeating: "x", count: 100))" }
      let commands = lab.path("commands")
      let pipeline = values.map { "RPUSH list \($0)\r\n" }.joined()
      try pipeline.write(to: commands, atomically: true, encoding: .utf8)
      let connection = ["-h", "127.0.0.1", "-p", "\(tunnel.server.publicPort)"]
      let listed = lab.path("listed")
      try tunnel.inWeather(weather, cutAfterBytes: 500_000...2_000_000) {
        let report = try lab.succeed("redis-cli", connection + ["--pipe"], input: commands)
        #expect(report.contains("errors: 0, replies: \(count)"), "\(report)")
        try lab.succeed(
          "redis-cli",
          connection + ["--raw", "LRANGE", "list", "0", "-1"],
          output: listed
        )
      }
      let answer = try String(contentsOf: listed, encoding: .utf8)
      #expect(answer == values.map { $0 + "\n" }.joined())
    }
  }

  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `redis keeps a value of 50 MB`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      let redis = try lab.redis()
      let tunnel = try lab.tunnel(to: redis.port, grace: "60s")
      let value = try lab.randomFile("value", byteCount: 50_000_000, seed: 3)
      let answer = lab.path("answer")
      let connection = ["-h", "127.0.0.1", "-p", "\(tunnel.server.publicPort)"]
      try tunnel.inWeather(weather) {
        let stored = try lab.succeed("redis-cli", connection + ["-x", "SET", "big"], input: value)
        #expect(stored == "OK\n")
        try lab.succeed("redis-cli", connection + ["--raw", "GET", "big"], output: answer)
      }
      // redis-cli ends every answer with a line feed.
      let bytes = try Data(contentsOf: answer)
      #expect(bytes.count == 50_000_001)
      #expect(SHA256.hash(bytes.dropLast()) == (try digest(of: value)))
    }
  }

  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `psql copies 50 MB into PostgreSQL and out again`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      let postgres = try lab.postgres()
      let tunnel = try lab.tunnel(to: postgres.port, grace: "60s")
      let rows = lab.path("rows")
      let count = try Self.writeRows(to: rows, byteCount: 50_000_000)
      let copy = lab.path("copy")
      let port = tunnel.server.publicPort
      try tunnel.inWeather(weather) {
        try lab.psql(port: port, "CREATE TABLE rows (number integer PRIMARY KEY, text text)")
        try lab.psql(port: port, "\\copy rows FROM '\(rows.plainPath)'")
        #expect(try lab.psql(port: port, "SELECT count(*) FROM rows") == "\(count)")
        try lab.psql(
          port: port,
          "\\copy (SELECT * FROM rows ORDER BY number) TO '\(copy.plainPath)'"
        )
      }
      #expect(try digest(of: copy) == digest(of: rows))
    }
  }

  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `scp copies 50 MB there and back, and ssh runs a command`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      let shell = try lab.secureShell()
      let tunnel = try lab.tunnel(to: shell.port, grace: "60s")
      let file = try lab.randomFile("file", byteCount: 50_000_000, seed: 4)
      let (there, back) = (lab.path("there"), lab.path("back"))
      let port = "\(tunnel.server.publicPort)"
      try tunnel.inWeather(weather) {
        let copy = ["-q", "-P", port] + shell.options
        try lab.succeed("scp", copy + [file.plainPath, "\(shell.login):\(there.plainPath)"])
        try lab.succeed("scp", copy + ["\(shell.login):\(there.plainPath)", back.plainPath])
        let sum = try lab.succeed(
          "ssh",
          ["-p", port] + shell.options + [shell.login, "sha256sum"],
          input: file
        )
        let expected = try digest(of: file)
        #expect(sum.prefix(64) == expected.map { String(format: "%02x", $0) }.joined())
      }
      #expect(try digest(of: there) == digest(of: file))
      #expect(try digest(of: back) == digest(of: file))
    }
  }

  @Test(arguments: TransportUnderTest.allCases, Weather.allCases)
  func `a client that half-closes after 20 MB gets the answer to all of it`(
    transport: TransportUnderTest,
    weather: Weather
  ) async throws {
    try await withLab(transport) { lab in
      // Says nothing before the client's direction has ended, then the digest and as much again.
      let target = lab.keep(
        try TargetServer { connection in
          let (bytes, end) = try connection.readAll()
          guard end == .end else { return }
          try connection.write(SHA256.hash(bytes))
          try connection.write(bytes)
        }
      )
      let tunnel = try lab.tunnel(to: target.port, grace: "60s")
      let bytes = try [UInt8](
        Data(contentsOf: lab.randomFile("file", byteCount: 20_000_000, seed: 5))
      )
      try tunnel.inWeather(weather) {
        let client = try tunnel.server.client()
        try client.write(bytes)
        client.finishWriting()
        let (answer, end) = try client.readAll()
        #expect(end == .end)
        #expect(Array(answer.prefix(32)) == SHA256.hash(bytes))
        #expect(Array(answer.dropFirst(32)) == bytes)
      }
    }
  }

  /// Writes rows of a number and a text, in PostgreSQL's text format; gives how many.
  private static func writeRows(to file: URL, byteCount: Int) throws -> Int {
    let text = Data(SeededBytes(seed: 6).prefix(750_000)).base64EncodedData()
    var rows = Data(capacity: byteCount + 1_000)
    var count = 0
    while rows.count < byteCount {
      let start = count * 991 % (text.count - 1_000)
      rows.append(Data("\(count)\t".utf8))
      rows.append(text[start..<(start + 990)])
      rows.append(UInt8(ascii: "\n"))
      count += 1
    }
    try rows.write(to: file)
    return count
  }
}
