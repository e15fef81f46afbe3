import HawserConfiguration
import Testing

struct `A configuration file` {
  private func check(_ text: String) throws -> ConfiguredRole {
    try ConfigurationFile(text: text, path: "f").check()
  }

  @Test func `may be empty`() throws {
    #expect(try ConfigurationFile(text: "", path: "f").entries == [])
    #expect(try ConfigurationFile(text: "# nothing\n", path: "f").entries == [])
  }

  @Test(arguments: [
    ("a: [\n", 2), ("- 1\n", 1), ("text", 1), ("a: 1\nb: 2\na: 3\n", 1), ("b: 1\n? [1]\n: 2\n", 2),
    ("a: \"\u{0}\"", 1), (#"{"a": 1"#, 2),
  ])
  func `is refused with the line when it is malformed`(text: String, line: Int) {
    let error = #expect(throws: ConfigurationError.self) {
      try ConfigurationFile(text: text, path: "f")
    }
    guard case .malformed("f", line, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `that can't be read is an error that says so`() {
    let error = #expect(throws: ConfigurationError.self) {
      try ConfigurationFile(path: "/nowhere/hawser.yaml")
    }
    #expect(error?.description.hasPrefix("/nowhere/hawser.yaml: can't be read: ") == true)
  }

  @Test func `is checked for the command that it fits`() throws {
    #expect(try check("park: 10s\npublic-host: example.org") == .server)
    #expect(try check("target: 80\njoin-file: /run/join") == .provider)
    #expect(try check("tcp: [2222=22]") == .provider)
  }

  @Test func `needs nothing that flags can give`() throws {
    #expect(try check("name: boat\n") == .provider)
  }

  @Test func `for a given command must fit it`() throws {
    let file = try ConfigurationFile(text: "park: 10s", path: "f")
    #expect(throws: ConfigurationError.self) { try file.check(for: .provider) }
  }
}

struct `The nearest name` {
  @Test(arguments: [
    ("grase", "grace"), ("public_host", "public-host"), ("raedy-file", "ready-file"),
    ("maxclients", "max-clients"), ("qqqqq", nil), ("", nil),
  ])
  func `is found by edits`(word: String, expected: String?) {
    let names = ["grace", "public-host", "ready-file", "max-clients", "state"]
    #expect(nearestName(to: word, in: names) == expected)
  }
}
