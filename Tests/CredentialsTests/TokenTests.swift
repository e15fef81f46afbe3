import HawserCredentials
import HawserCryptography
import Testing

struct TokenTests {
  @Test
  func `a token comes back from its text`() throws {
    for seed in 0..<50 as Range<UInt64> {
      let token = makeToken(seed)
      #expect(token.text.utf8.count == Token.textLength)
      #expect(try Token(text: token.text) == token, "seed \(seed)")
    }
  }

  @Test
  func `the text is id, underscore and base64url`() throws {
    let token = try Token(text: "abc12345_" + Base64URL.encode((0..<24).map { UInt8($0) }))
    #expect(token.id.text == "abc12345")
    #expect(token.secret.revealedBytes == (0..<24).map { UInt8($0) })
    #expect(token.secretHash == SHA256.hash((0..<24).map { UInt8($0) }))
  }

  @Test
  func `no way of printing a token shows its secret`() {
    let token = makeToken()
    let secret = Base64URL.encode(token.secret.revealedBytes)
    var dumped = ""
    dump(token, to: &dumped)
    for text in ["\(token)", String(reflecting: token), dumped] {
      #expect(text.contains(token.id.text))
      #expect(!text.contains(secret))
    }
  }

  @Test(arguments: [
    ("", "the token is missing"),
    ("abc12345", "the token has no ‘_’ between id and secret"),
    ("ABC12345_", "the token has an id that is not 8 characters of a–z and 0–9"),
    ("abc1234_AAAA", "the token has an id that is not 8 characters of a–z and 0–9"),
    ("äbc1234_AAAA", "the token has an id that is not 8 characters of a–z and 0–9"),
    ("abc12345_*", "the token has a secret that is not base64url"),
    ("abc12345_AAAA", "the token has a secret of another length than 24 bytes"),
    ("abc12345_", "the token has a secret of another length than 24 bytes"),
    (" abc12345_AAAA", "the token has an id that is not 8 characters of a–z and 0–9"),
  ])
  func `what is wrong with a token is said`(text: String, message: String) {
    let error = #expect(throws: CredentialsError.self) { try Token(text: text) }
    #expect(error?.description == message)
  }

  @Test
  func `the system's generator draws different tokens`() {
    var generator = SecureRandom()
    #expect(Token(using: &generator) != Token(using: &generator))
  }
}
