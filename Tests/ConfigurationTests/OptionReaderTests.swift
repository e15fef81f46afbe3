import HawserConfiguration
import Testing

struct `Options` {
  private func server(
    flags: [String: [String]] = [:],
    environment: [String: String] = [:],
    file: String = ""
  ) throws -> ServerOptions {
    try ServerOptions(
      OptionReader.Sources(
        flags: flags,
        environment: environment,
        file: ConfigurationFile(text: file, path: "hawser.yaml")
      )
    )
  }

  private func problems(_ read: () throws -> Void) -> [String] {
    do {
      try read()
      return []
    } catch let error as ConfigurationError {
      return error.description.split(separator: "\n").map(String.init)
    } catch {
      return ["\(error)"]
    }
  }

  @Test func `have the documented defaults`() throws {
    let options = try server()
    #expect(options.controlPort == 9887)
    #expect(options.listenPort == 8080)
    #expect(options.address == "0.0.0.0")
    #expect(options.publicHost == nil)
    #expect(options.grace == .seconds(90))
    #expect(options.park == .seconds(30))
    #expect(options.logging.format == .text)
    #expect(options.logging.level == .info)
  }

  @Test func `come from flags before the environment before the file`() throws {
    let file = "grace: 10s\npark: 11s\ncontrol: 4000\naddress: 127.0.0.1\n"
    let options = try server(
      flags: ["grace": ["30s"]],
      environment: ["HAWSER_GRACE": "20s", "HAWSER_PARK": "21s", "GRACE": "1s"],
      file: file
    )
    #expect(options.grace == .seconds(30))
    #expect(options.park == .seconds(21))
    #expect(options.controlPort == 4000)
    #expect(options.address == "127.0.0.1")
  }

  @Test func `treat an empty variable as absent`() throws {
    #expect(try server(environment: ["HAWSER_GRACE": ""], file: "grace: 5s").grace == .seconds(5))
  }

  @Test func `are the same in JSON`() throws {
    let options = try server(file: #"{"grace": "2m", "public-host": "example.org", "listen": 0}"#)
    #expect(options.grace == .seconds(120))
    #expect(options.publicHost == "example.org")
    #expect(options.listenPort == 0)
  }

  @Test func `name the nearest key for an unknown one`() {
    #expect(
      problems { _ = try server(file: "# mine\nparc: 30s\nGrace_: 1s\nx: 1\n") } == [
        "hawser.yaml:2: unknown key `parc`; did you mean `park`?",
        "hawser.yaml:3: unknown key `Grace_`; did you mean `grace`?",
        """
        hawser.yaml:4: unknown key `x`; known keys: address, control, drain, grace, listen, \
        log-format, log-level, max-clients, park, public-host, ready-file, state
        """,
      ]
    )
  }

  @Test func `say where a wrong value stands and what is right`() {
    let grace = "expected a duration with its unit such as 90s or 5m, from 1s to 1d"
    #expect(
      problems {
        _ = try server(
          flags: ["control": ["70000"]],
          environment: ["HAWSER_MAX_CLIENTS": "0"],
          file: "grace: 90\nlog-format: xml\npark: [1s, 2s]\nstate:\n"
        )
      } == [
        "hawser.yaml:2: `xml` is not right for `log-format`: expected one of text, json",
        "--control: `70000` is not right for `control`: expected a port from 0 to 65535",
        "hawser.yaml:4: `state` takes one value: the path of a folder",
        "hawser.yaml:1: `90` is not right for `grace`: \(grace)",
        """
        hawser.yaml:3: `park` takes one value: a duration with its unit such as 90s or 5m, \
        from 0s to 10m
        """,
        """
        HAWSER_MAX_CLIENTS: `0` is not right for `max-clients`: \
        expected a whole number, 1 or more
        """,
      ]
    )
  }

  @Test func `are a usage error only when every problem is a flag's`() {
    func isUsage(_ flags: [String: [String]], _ environment: [String: String]) -> Bool? {
      do {
        _ = try server(flags: flags, environment: environment)
        return nil
      } catch let error as ConfigurationError {
        return error.isUsageError
      } catch {
        return nil
      }
    }
    #expect(isUsage(["grace": ["x"]], [:]) == true)
    #expect(isUsage(["grace": ["x"]], ["HAWSER_PARK": "x"]) == false)
    #expect(isUsage([:], ["HAWSER_PARK": "x"]) == false)
  }

  @Test func `suggest a name for a misspelt variable`() throws {
    var reader = OptionReader(
      OptionReader.Sources(environment: ["HAWSER_GRASE": "1s", "HAWSER_JOIN": "x", "HOME": "/"])
    )
    _ = reader.read("grace", as: ValueKind("a text") { $0 })
    let unknown = reader.unknownVariables(besides: ["HAWSER_JOIN"])
    #expect(unknown.map(\.name) == ["HAWSER_GRASE"])
    #expect(unknown.map(\.nearest) == ["HAWSER_GRACE"])
  }
}

struct `A provider's options` {
  private func provider(
    flags: [String: [String]] = [:],
    environment: [String: String] = [:],
    file: String = ""
  ) throws -> ProviderOptions {
    try ProviderOptions(
      OptionReader.Sources(
        flags: flags,
        environment: environment,
        file: ConfigurationFile(text: file, path: "hawser.yaml")
      )
    )
  }

  @Test func `take services from a repeated flag, a list or a variable with commas`() throws {
    let join = ["HAWSER_JOIN": "hawser://t@h"]
    #expect(
      try provider(flags: ["tcp": ["1=2", "3=unix:/a,b"]], environment: join).portServices
        == ["1=2", "3=unix:/a,b"]
    )
    #expect(
      try provider(environment: join, file: "tcp: [1=2, 3=4]").portServices == ["1=2", "3=4"]
    )
    #expect(try provider(environment: join, file: "tcp: 1=2").portServices == ["1=2"])
    let variable = join.merging(["HAWSER_TCP": "1=2, 3=4"]) { $1 }
    #expect(try provider(environment: variable).portServices == ["1=2", "3=4"])
  }

  @Test func `take the join URL from the place that wins`() throws {
    let environment = ["HAWSER_JOIN": "hawser://t@h", "HAWSER_TARGET": "80"]
    #expect(try provider(environment: environment).join == .url("hawser://t@h"))
    #expect(
      try provider(flags: ["join-file": ["f"]], environment: environment).join == .file("f")
    )
    #expect(
      try provider(environment: environment, file: "join-file: f").join == .url("hawser://t@h")
    )
  }

  @Test(arguments: [
    ([:], "--join: the server is not named: give --join URL"),
    (
      ["join": ["a"], "join-file": ["b"]], "--join-file: `join` and `join-file` exclude each other"
    ),
  ])
  func `need exactly one join URL`(flags: [String: [String]], message: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try provider(flags: flags.merging(["target": ["80"]]) { $1 })
    }
    #expect(error?.description.hasPrefix(message) == true)
  }

  @Test func `need something to serve`() {
    let error = #expect(throws: ConfigurationError.self) {
      try provider(flags: ["join": ["hawser://t@h"]])
    }
    #expect(error?.description.hasPrefix("--target: nothing to serve") == true)
  }
}
