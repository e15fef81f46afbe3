import HawserCredentials
import HawserCryptography
import HawserPrimitives
import Testing

struct JoinURLTests {
  private let token = makeToken()
  private let key = ServerIdentity.generate().joinKey
  private let otherKey = ServerIdentity.generate().joinKey

  @Test
  func `the text has the documented form`() throws {
    let url = JoinURL(token: token, host: try Host("relay.example.com"), keys: [key])
    #expect(url.text == "hawser://\(token.text)@relay.example.com:9887?key=\(key.text)")
  }

  @Test(arguments: ["relay.example.com", "10.0.0.1", "::1", "fe80::1%eth0"], [1, 9887, 65535])
  func `a URL comes back from its text`(host: String, port: UInt16) throws {
    for keys in [[], [key], [key, otherKey]] {
      let url = JoinURL(token: token, host: try Host(host), port: port, keys: keys)
      #expect(try JoinURL(text: url.text) == url)
    }
  }

  @Test
  func `port, slash, case of the scheme and repeated keys are forgiven`() throws {
    let plain = JoinURL(token: token, host: try Host("relay"), keys: [key])
    for text in [
      "hawser://\(token.text)@relay?key=\(key.text)",
      "HAWSER://\(token.text)@RELAY:9887/?key=\(key.text)",
      "hawser://\(token.text)@relay?key=\(key.text)&key=\(key.text)",
    ] {
      #expect(try JoinURL(text: text) == plain)
    }
  }

  @Test
  func `query items of later versions are ignored`() throws {
    let text = "hawser://\(token.text)@relay?v=2&&x&key=\(key.text)&keys=%zz"
    #expect(try JoinURL(text: text).keys == [key])
  }

  @Test
  func `percent-encoding is decoded in every part`() throws {
    let tokenText = token.text.replacing("_", with: "%5F")
    let text = "hawser://\(tokenText)@%5B::1%5D:9887?key=\(key.text.replacing("-", with: "%2d"))"
    let url = try JoinURL(text: text)
    #expect(url.token == token)
    #expect(url.host.text == "::1")
    #expect(url.keys == [key])
  }

  @Test
  func `no way of printing a URL shows the token's secret`() throws {
    let url = JoinURL(token: token, host: try Host("relay"), keys: [key])
    let secret = Base64URL.encode(token.secret.revealedBytes)
    var dumped = ""
    dump(url, to: &dumped)
    for text in ["\(url)", String(reflecting: url), dumped] {
      #expect(text.contains("\(token.id)_<secret>@relay:9887"))
      #expect(!text.contains(secret))
    }
  }

  @Test(arguments: [
    ("", "scheme must be ‘hawser://’"),
    ("https://TOKEN@relay", "scheme must be ‘hawser://’"),
    ("hawser:TOKEN@relay", "scheme must be ‘hawser://’"),
    (" hawser://TOKEN@relay", "text has spaces or characters that must be percent-encoded"),
    ("hawser://TOKEN@relay\n", "text has spaces or characters that must be percent-encoded"),
    ("hawser://TOKEN@bücher", "text has spaces or characters that must be percent-encoded"),
    ("hawser://TOKEN@relay#x", "text has a ‘#’; quote the URL when pasting it"),
    ("hawser://relay:9887", "token is missing: there is no ‘@’ before the host"),
    ("hawser://@relay", "token is missing"),
    ("hawser://abc@relay", "token has no ‘_’ between id and secret"),
    ("hawser://abc12345_AAAA@relay", "token has a secret of another length than 24 bytes"),
    ("hawser://TOKEN:pass@relay", "token has a secret that is not base64url"),
    ("hawser://TOKEN%@relay", "token has a wrong percent-encoding"),
    ("hawser://TOKEN%+1@relay", "token has a wrong percent-encoding"),
    ("hawser://TOKEN%00@relay", "token has a wrong percent-encoding"),
    ("hawser://TOKEN@", "host is wrong: the host is empty"),
    ("hawser://TOKEN@:9887", "host is wrong: the host is empty"),
    (
      "hawser://TOKEN@-x",
      "host is wrong: the host ‘-x’ is not a name of letters, digits and inner hyphens"
    ),
    (
      "hawser://TOKEN@::1",
      "host is wrong: write the IPv6 address in ‘::1’ as [address]:port"
    ),
    (
      "hawser://TOKEN@[::1",
      "host is wrong: the brackets in ‘[::1’ must read [address] or [address]:port"
    ),
    (
      "hawser://TOKEN@relay:0",
      "port is wrong: the port ‘0’ is not a decimal number from 1 to 65535"
    ),
    (
      "hawser://TOKEN@relay:",
      "port is wrong: the port ‘’ is not a decimal number from 1 to 65535"
    ),
    (
      "hawser://TOKEN@relay:70000",
      "port is wrong: the port ‘70000’ is not a decimal number from 1 to 65535"
    ),
    ("hawser://TOKEN@relay/x?key=KEY", "path must be empty"),
    ("hawser://TOKEN@relay?key=", "key is wrong: the join key must have 48 bytes, not 0"),
    ("hawser://TOKEN@relay?key", "key is wrong: the join key must have 48 bytes, not 0"),
    ("hawser://TOKEN@relay?key=AAAA", "key is wrong: the join key must have 48 bytes, not 3"),
    ("hawser://TOKEN@relay?key=KEY=", "key is wrong: the text is not base64url without padding"),
    ("hawser://TOKEN@relay?key=%4", "key has a wrong percent-encoding"),
    (
      "hawser://TOKEN@relay?key=" + String(repeating: "A", count: 64),
      "key is wrong: the bytes are not a valid Ed25519 public key"
    ),
  ])
  func `the part that is wrong is named, and the token is not repeated`(
    template: String,
    message: String
  ) {
    let text = template.replacing("TOKEN", with: token.text).replacing("KEY", with: key.text)
    let error = #expect(throws: CredentialsError.self) { try JoinURL(text: text) }
    #expect(error?.description == "the join URL's " + message)
  }

  @Test
  func `limits are exact`() throws {
    let base = "hawser://\(token.text)@relay?"
    let keys = (0..<9).map { _ in "key=\(ServerIdentity.generate().joinKey.text)" }
    #expect(try JoinURL(text: base + keys.prefix(8).joined(separator: "&")).keys.count == 8)
    #expect(
      throws: CredentialsError.invalidJoinURL(part: .key, reason: "is given more than 8 times")
    ) { try JoinURL(text: base + keys.joined(separator: "&")) }
    let longest = base + String(repeating: "x", count: 4096 - base.utf8.count)
    #expect(try JoinURL(text: longest).keys.isEmpty)
    #expect(
      throws: CredentialsError.invalidJoinURL(part: .whole, reason: "is longer than 4096 bytes")
    ) { try JoinURL(text: longest + "x") }
  }

  @Test
  func `every truncation of a URL is read or refused, and nothing traps`() throws {
    let url = JoinURL(token: token, host: try Host("::1"), keys: [key, otherKey])
    for length in 0..<url.text.count {
      _ = try? JoinURL(text: url.text.prefix(length))
    }
  }
}
