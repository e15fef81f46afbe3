import CSodium
import HawserCryptography
import Testing

struct ServerIdentityTests {
  /// RFC 8032 §7.1, test 1.
  @Test
  func `the public key follows from the seed as published`() throws {
    let seed: [UInt8] = [
      0x9D, 0x61, 0xB1, 0x9D, 0xEF, 0xFD, 0x5A, 0x60, 0xBA, 0x84, 0x4A, 0xF4, 0x92, 0xEC, 0x2C,
      0xC4, 0x44, 0x49, 0xC5, 0x69, 0x7B, 0x32, 0x69, 0x19, 0x70, 0x3B, 0xAC, 0x03, 0x1C, 0xAE,
      0x7F, 0x60,
    ]
    let knock = [UInt8](repeating: 7, count: 16)
    let identity = try ServerIdentity(storedBytes: Secret(bytes: seed + knock))
    #expect(
      hexadecimal(identity.publicKey)
        == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )
    #expect(identity.joinKey.bytes == identity.publicKey + knock)
    #expect(identity.seed.revealedBytes == seed)
  }

  @Test
  func `an identity comes back from its stored bytes`() throws {
    let identity = ServerIdentity.generate()
    let restored = try ServerIdentity(storedBytes: identity.storedBytes)
    #expect(restored.joinKey == identity.joinKey)
    #expect(restored.seed == identity.seed)
    #expect(ServerIdentity.generate().joinKey != identity.joinKey)
  }

  @Test(arguments: [0, 32, 47, 49])
  func `stored bytes of another length are refused`(count: Int) {
    #expect(
      throws: CryptographyError.wrongLength(what: "stored identity", expected: 48, actual: count)
    ) {
      try ServerIdentity(storedBytes: Secret.random(count: count))
    }
  }

  @Test
  func `a join key comes back from its text`() throws {
    let key = ServerIdentity.generate().joinKey
    #expect(key.text.utf8.count == 64)
    #expect(try JoinKey(text: key.text) == key)
  }

  @Test
  func `a join key is described without its knock secret`() {
    let key = ServerIdentity.generate().joinKey
    #expect("\(key)" == Base64URL.encode(key.publicKey))
  }

  @Test
  func `join keys of a wrong length, alphabet or point are refused`() throws {
    let key = ServerIdentity.generate().joinKey
    #expect(throws: CryptographyError.wrongLength(what: "join key", expected: 48, actual: 47)) {
      try JoinKey(bytes: key.bytes.dropLast())
    }
    #expect(throws: CryptographyError.invalidBase64URL) { try JoinKey(text: "*" + key.text) }
    // The neutral element: a point, but of low order, so it pins nothing.
    let neutral: [UInt8] = [1] + [UInt8](repeating: 0, count: 47)
    #expect(throws: CryptographyError.invalidPublicKey) { try JoinKey(bytes: neutral) }
  }

  @Test
  func `the X25519 keys of an identity belong together`() throws {
    let identity = ServerIdentity.generate()
    var derived = [UInt8](repeating: 0, count: 32)
    #expect(
      crypto_scalarmult_curve25519_base(&derived, identity.agreementPrivateKey.revealedBytes) == 0
    )
    #expect(try identity.joinKey.agreementPublicKey == derived)
  }
}
