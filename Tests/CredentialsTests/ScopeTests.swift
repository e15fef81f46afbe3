import HawserCredentials
import Testing

struct ScopeTests {
  @Test
  func `scopes are read from a list`() throws {
    #expect(try TokenScope.parseList("connect,forward,admin") == [.connect, .forward, .admin])
    #expect(try TokenScope.parseList("connect,connect") == [.connect])
  }

  @Test(arguments: ["", "connect,", "Connect", "connect, forward", "root"])
  func `other scopes are refused`(text: String) {
    let error = #expect(throws: CredentialsError.self) { try TokenScope.parseList(text) }
    #expect(error?.description.hasSuffix("is not one of connect, forward, admin") == true)
  }

  @Test
  func `ports are read from a list and printed so that they can be read again`() throws {
    let ranges = try PortRange.parseList("80,2000-2999,65535")
    #expect(ranges.map(\.description) == ["80", "2000-2999", "65535"])
    #expect(ranges[1].contains(2000) && ranges[1].contains(2999))
    #expect(!ranges[1].contains(1999) && !ranges[1].contains(3000))
  }

  @Test(arguments: [
    ("", "the ports ‘’ are refused: the port ‘’ is not a decimal number from 1 to 65535"),
    ("0-5", "the ports ‘0-5’ are refused: the port ‘0’ is not a decimal number from 1 to 65535"),
    (
      "1-2-3",
      "the ports ‘1-2-3’ are refused: the port ‘2-3’ is not a decimal number from 1 to 65535"
    ),
    ("3000-2000", "the ports ‘3000-2000’ run backwards"),
  ])
  func `what is wrong with ports is said`(text: String, message: String) {
    let error = #expect(throws: CredentialsError.self) { try PortRange.parseList(text) }
    #expect(error?.description == message)
  }

  @Test
  func `a list of ports has a limit`() throws {
    let list = Array(repeating: "80", count: 64).joined(separator: ",")
    #expect(try PortRange.parseList(list).count == 64)
    #expect(throws: CredentialsError.self) { try PortRange.parseList(list + ",80") }
  }

  @Test(arguments: [
    ("example.com", true), ("a.example.com", true), ("A.B.EXAMPLE.COM.", true),
    ("badexample.com", false), ("com", false), ("example.com.evil.org", false),
  ])
  func `a domain covers names below it at a label boundary`(host: String, covered: Bool) throws {
    #expect(try Domain("Example.com.").covers(Domain(host)) == covered)
  }

  @Test(arguments: ["", "10.0.0.1", "::1", "*.example.com", "a/b"])
  func `what is no domain is refused`(text: String) {
    #expect(throws: CredentialsError.self) { try Domain(text) }
  }

  @Test
  func `user names are short and plain`() throws {
    #expect(try UserName("anna.b_2-c@example.com").text == "anna.b_2-c@example.com")
    let longest = String(repeating: "a", count: 64)
    #expect(try UserName(longest).text == longest)
    for text in ["", longest + "a", "a b", "a\n", "ä", "a,b"] {
      #expect(throws: CredentialsError.invalidUser(text: text)) { try UserName(text) }
    }
  }
}
