import HawserCryptography
import HawserPrimitives
import Testing

struct HashingTests {
  /// FIPS 180-4's examples.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  ])
  func `SHA-256 gives the published digests`(message: String, digest: String) {
    #expect(hexadecimal(SHA256.hash(message.utf8)) == digest)
    #expect(hexadecimal(SHA256.hash(Array(message.utf8))) == digest)
  }

  /// RFC 4231 §4.2, §4.3 and §4.7: a key of 20 bytes, a short one, and one longer than a block.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0B, count: 20), "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xAA, count: 131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func `HMAC gives the published codes`(key: [UInt8], message: String, code: String) {
    let key = Secret(bytes: key)
    let computed = HMACSHA256.authenticate(message.utf8, key: key)
    #expect(hexadecimal(computed) == code)
    #expect(HMACSHA256.verify(computed, of: message.utf8, key: key))
  }

  @Test
  func `a changed code, message or key is not verified`() {
    let key = Secret(bytes: [1, 2, 3])
    var code = HMACSHA256.authenticate([4, 5], key: key)
    #expect(!HMACSHA256.verify(code, of: [4, 6], key: key))
    #expect(!HMACSHA256.verify(code, of: [4, 5], key: Secret(bytes: [1, 2, 4])))
    #expect(!HMACSHA256.verify(code.dropLast(), of: [4, 5], key: key))
    code[31] ^= 1
    #expect(!HMACSHA256.verify(code, of: [4, 5], key: key))
  }

  @Test
  func `the constant-time comparison agrees with the ordinary one`() {
    let cases: [([UInt8], [UInt8])] = [
      ([], []), ([], [1]), ([1], []), ([1, 2], [1, 2]), ([1, 2], [2, 1]), ([1], [1, 0]),
    ]
    for (left, right) in cases {
      #expect(constantTimeEqual(left, right) == (left == right), "\(left) \(right)")
    }
  }

  @Test
  func `the system's generator makes distinct identifiers and buffers`() {
    var generator = SecureRandom()
    #expect(RandomID(using: &generator) != RandomID(using: &generator))
    #expect(SecureRandom.bytes(count: 0).isEmpty)
    #expect(SecureRandom.bytes(count: 24).count == 24)
    #expect(SecureRandom.bytes(count: 24) != SecureRandom.bytes(count: 24))
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { byte in
    let digits = String(byte, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
  }.joined()
}
