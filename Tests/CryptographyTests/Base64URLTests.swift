import HawserCryptography
import Testing

struct Base64URLTests {
  /// RFC 4648 §10 without its padding, and two bytes that show the alphabet of §5.
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
    ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
  ])
  func `the published examples come out both ways`(plain: String, encoded: String) throws {
    #expect(Base64URL.encode(plain.utf8) == encoded)
    #expect(try Base64URL.decode(encoded) == Array(plain.utf8))
  }

  @Test
  func `the alphabet is the URL-safe one`() throws {
    #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
    #expect(try Base64URL.decode("-_8") == [0xFB, 0xFF])
  }

  @Test
  func `every length makes the round trip`() throws {
    for count in 0...70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
      #expect(try Base64URL.decode(Base64URL.encode(bytes)) == bytes)
    }
  }

  @Test(arguments: ["A", "Zg=", "Zg==", "Zm9v YmFy", "Zm9+", "Zm9/", "Zh", "Zm9vA", "Zmé", "Zg\n"])
  func `anything else is refused`(text: String) {
    #expect(throws: CryptographyError.invalidBase64URL) { try Base64URL.decode(text) }
  }
}
