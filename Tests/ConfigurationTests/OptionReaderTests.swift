import HawserConfiguration
import HawserCredentials
import HawserRouting
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
        hawser.yaml:4: unknown key `x`; known keys: address, certificate, \
        certificate-key, control, drain, grace, listen, \
        log-format, log-level, max-clients, park, public-host, ready-file, state, transport
        """,
      ]
    )
  }

  @Test func `say where a wrong value stands and what is right`() {
    let grace = "expected a duration with its unit such as 90s or 5m, from 1s to 1d"
    let park = "a duration with its unit such as 90s or 5m, from 0s to 10m"
    #expect(
      problems {
        _ = try server(
          flags: ["control": ["70000"]],
          environment: ["HAWSER_MAX_CLIENTS": "0"],
          file: "grace: 2d\nlog-format: xml\npark: [1s, 2s]\nstate:\n"
        )
      } == [
        "hawser.yaml:2: wrong `log-format`: `xml` is not right; expected one of text, json",
        "--control: wrong `control`: `70000` is not right; expected a port from 0 to 65535",
        "hawser.yaml:4: `state` takes one value: the path of a folder",
        "hawser.yaml:1: wrong `grace`: `2d` is not right; \(grace)",
        "hawser.yaml:3: `park` takes one value: \(park)",
        """
        HAWSER_MAX_CLIENTS: wrong `max-clients`: `0` is not right; \
        expected a whole number, 1 or more
        """,
      ]
    )
  }

  @Test func `need a unit where there are several`() {
    let text = problems { _ = try server(file: "grace: 90") }.first ?? ""
    #expect(text.hasPrefix("hawser.yaml:1: wrong `grace`: ‘90’ has no unit"))
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

  @Test func `suggest a name for a misspelt variable`() {
    let environment = [
      "HAWSER_GRASE": "1s", "HAWSER_JOIN": "x", "HAWSER_CONFIG": "f", "HAWSER_WEATHER": "bad",
      "GRASE": "1s",
    ]
    let misspelt = OptionReader.Sources(environment: environment).misspeltVariables
    #expect(misspelt.map(\.name) == ["HAWSER_GRASE"])
    #expect(misspelt.map(\.nearest) == ["HAWSER_GRACE"])
  }
}

private let secretJoin = "hawser://abcdefgh_\(String(repeating: "A", count: 32))@example.org"

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
    let one = try ServiceEntry(portMapping: "1=2")
    let two = try ServiceEntry(portMapping: "3=unix:/a")
    let join = ["HAWSER_JOIN": secretJoin]
    let flags = ["tcp": ["1=2", "3=unix:/a"]]
    #expect(try provider(flags: flags, environment: join).services == [one, two])
    let list = "tcp: [1=2, '3=unix:/a']"
    #expect(try provider(environment: join, file: list).services == [one, two])
    #expect(try provider(environment: join, file: "tcp: 1=2").services == [one])
    let variable = join.merging(["HAWSER_TCP": "1=2, 3=unix:/a"]) { $1 }
    #expect(try provider(environment: variable).services == [one, two])
  }

  @Test func `take the join URL from the place that wins`() throws {
    let join = try ProviderOptions.Join.url(JoinURL(text: secretJoin))
    let environment = ["HAWSER_JOIN": secretJoin, "HAWSER_TARGET": "80"]
    #expect(try provider(environment: environment).join == join)
    #expect(
      try provider(flags: ["join-file": ["f"]], environment: environment).join == .file("f")
    )
    #expect(
      try provider(environment: environment, file: "join-file: f").join == join
    )
  }

  @Test(arguments: [
    ([:], "--join: the server is not named: give --join URL"),
    (
      ["join": [secretJoin], "join-file": ["b"]], "--join-file: `join` and `join-file`"
    ),
  ])
  func `need exactly one join URL`(flags: [String: [String]], message: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try provider(flags: flags.merging(["target": ["80"]]) { $1 })
    }
    #expect(error?.description.hasPrefix(message) == true)
  }

  @Test func `never show the token of a wrong join URL`() {
    let error = #expect(throws: ConfigurationError.self) {
      try provider(flags: ["join": [secretJoin + ":x"], "target": ["80"]])
    }
    #expect(error?.description.hasPrefix("--join: wrong `join`: the join URL's port ") == true)
    #expect(error?.description.contains("AAAA") == false)
  }

  @Test func `name the part of a target that is wrong`() {
    let error = #expect(throws: ConfigurationError.self) {
      try provider(flags: ["join": [secretJoin], "target": ["http://h:80"], "tcp": ["x=80"]])
    }
    #expect(
      error?.description == """
        --target: wrong `target`: in the target ‘http://h:80’ the scheme ‘http’ does not belong \
        there; write host:port or unix:/path; expected PORT, host:port, [v6]:port or unix:/path
        --tcp: wrong `tcp`: in ‘x=80’ the port ‘x’ is not a decimal number from 0 to 65535; \
        expected PORT=TARGET, the target as PORT, host:port, [v6]:port or unix:/path
        """
    )
  }

  @Test func `need something to serve`() {
    let error = #expect(throws: ConfigurationError.self) {
      try provider(flags: ["join": [secretJoin]])
    }
    #expect(error?.description.hasPrefix("--target: no service is named") == true)
  }
}
