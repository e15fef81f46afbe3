import HawserCryptography
import Testing

/// What the datagram layer is built from, against published values.
struct DatagramCryptographyTests {
  /// RFC 7748 §5.2.
  @Test func `X25519 gives the published secret`() throws {
    let secret = try KeyAgreement.sharedSecret(
      of: Secret(bytes: bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")),
      with: bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    )
    #expect(
      hexadecimal(secret.revealedBytes)
        == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    )
  }

  @Test func `X25519 gives both the same secret, and refuses points of low order`() throws {
    let (mine, yours) = (Secret.random(count: 32), Secret.random(count: 32))
    let secret = try KeyAgreement.sharedSecret(
      of: mine,
      with: KeyAgreement.publicKey(of: yours)
    )
    let same = try KeyAgreement.sharedSecret(of: yours, with: KeyAgreement.publicKey(of: mine))
    #expect(secret == same)
    #expect(throws: CryptographyError.invalidAgreementKey) {
      try KeyAgreement.sharedSecret(of: mine, with: [UInt8](repeating: 0, count: 32))
    }
    #expect(
      throws: CryptographyError.wrongLength(what: "X25519 key", expected: 32, actual: 31)
    ) {
      try KeyAgreement.sharedSecret(of: mine, with: [UInt8](repeating: 9, count: 31))
    }
  }

  @Test func `an identity's two halves agree with anybody`() throws {
    let identity = ServerIdentity.generate()
    let client = Secret.random(count: 32)
    let mine = try KeyAgreement.sharedSecret(
      of: client,
      with: identity.joinKey.agreementPublicKey
    )
    let theirs = try KeyAgreement.sharedSecret(
      of: identity.agreementPrivateKey,
      with: KeyAgreement.publicKey(of: client)
    )
    #expect(mine == theirs)
  }

  /// RFC 5869 §A.1, of whose 42 bytes the first secret is the first 32.
  @Test func `HKDF gives the published secret`() {
    let secrets = KeyDerivation.secrets(
      2,
      salt: Secret(bytes: 0x00...0x0C),
      input: Secret(bytes: [UInt8](repeating: 0x0B, count: 22)),
      information: Array(0xF0...0xF9)
    )
    #expect(secrets.count == 2)
    #expect(
      hexadecimal(secrets[0].revealedBytes)
        == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    )
    #expect(hexadecimal(secrets[1].revealedBytes).hasPrefix("34007208d5b887185865"))
  }

  /// Computed with Python's hashlib, which is the reference implementation of BLAKE2.
  @Test func `a keyed hash is BLAKE2b with 16 bytes of output`() {
    let message = Array("The quick brown fox".utf8)
    let code = KeyedHash.code(of: message.span.bytes, key: Secret(bytes: 0..<32))
    #expect(hexadecimal(code.bytes) == "70f4fb9a221034366509efc451a69070")
    #expect(AuthenticationCode(bytes: code.bytes) == code)
    #expect(code.secret.revealedBytes == code.bytes)
    #expect(AuthenticationCode(bytes: code.bytes.dropLast()) == nil)
    #expect(
      hexadecimal(KeyedHash.key(label: "label", from: [1, 2, 3]).revealedBytes)
        == "4044b9a029f75c8ded1c1ff3712295838a7f461c280c9ab597e28c901c193e74"
    )
  }

  /// draft-irtf-cfrg-xchacha-03 §A.3.1.
  @Test func `XChaCha20-Poly1305 gives the published ciphertext`() {
    let text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
      + "future, sunscreen would be it."
    let additional = bytes("50515253c0c1c2c3c4c5c6c7")
    let key = Secret(bytes: 0x80...0x9F)
    let nonce = Array<UInt8>(0x40...0x57)
    let sealed = XChaCha20Poly1305.seal(
      Array(text.utf8),
      additionalData: additional,
      nonce: nonce,
      key: key
    )
    #expect(hexadecimal(sealed).hasPrefix("bd6d179d3e83d43b9576579493c0e939"))
    #expect(hexadecimal(sealed).hasSuffix("c0875924c1c7987947deafd8780acf49"))
    let opened = XChaCha20Poly1305.open(
      sealed,
      additionalData: additional,
      nonce: nonce,
      key: key
    )
    #expect(opened == Array(text.utf8))
    for index in sealed.indices {
      var damaged = sealed
      damaged[index] ^= 0x80
      #expect(
        XChaCha20Poly1305.open(damaged, additionalData: additional, nonce: nonce, key: key) == nil
      )
    }
    #expect(
      XChaCha20Poly1305.open([], additionalData: additional, nonce: nonce, key: key) == nil
    )
  }

  @Test(arguments: AEADAlgorithm.allCases.filter(\.isAvailable))
  func `a message is sealed in place and opened into another buffer`(
    algorithm: AEADAlgorithm
  ) {
    let key = AEADKey(algorithm, key: Secret(bytes: 0..<32))
    for count in [0, 1, 15, 16, 17, 1200] {
      let plaintext = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      let header: [UInt8] = [1, 2, 3]
      var message = [9, 9] + header + plaintext + [UInt8](repeating: 0, count: 16)
      sealInPlace(&message, key)
      #expect(Array(message.prefix(5)) == [9, 9] + header)
      // The same as in one piece.
      let whole = key.seal(plaintext, additionalData: header, nonce: .bigEndian(7))
      #expect(Array(message.dropFirst(5)) == whole)
      #expect(key.open(whole, additionalData: header, nonce: .bigEndian(7)) == plaintext)
      #expect(key.open(whole, additionalData: header, nonce: .littleEndian(7)) == nil)
      #expect(key.open(whole, additionalData: [], nonce: .bigEndian(7)) == nil)

      let sealed = Array(message.dropFirst(2))
      #expect(opened(sealed, key, capacity: count) == plaintext)
      for index in [0, 2, sealed.count - 1] {
        var damaged = sealed
        damaged[index] ^= 1
        #expect(opened(damaged, key, capacity: count) == nil)
      }
      if count > 0 { #expect(opened(sealed, key, capacity: count - 1) == nil) }
      #expect(opened(Array(sealed.prefix(18)), key, capacity: 100) == nil)
    }
  }

  private func sealInPlace(_ message: inout [UInt8], _ key: AEADKey) {
    var span = message.mutableSpan
    var bytes = span.mutableBytes
    key.seal(&bytes, from: 2, headerByteCount: 3, nonce: .bigEndian(7))
  }

  private func opened(_ sealed: [UInt8], _ key: AEADKey, capacity: Int) -> [UInt8]? {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(capacity, 0),
      alignment: 1
    )
    defer { memory.deallocate() }
    var output = OutputRawSpan(buffer: memory, initializedCount: 0)
    guard
      key.open(
        sealed.span.bytes,
        headerByteCount: 3,
        nonce: .bigEndian(7),
        into: &output
      )
    else { return nil }
    return Array(memory.prefix(output.finalize(for: memory)))
  }

  @Test func `a seed determines what a generator gives, and nothing comes twice`() {
    let seed = Secret(bytes: 0..<32)
    let (first, second) = (SecretGenerator(seed: seed), SecretGenerator(seed: seed))
    let words = (0..<1000).map { _ in first.next() }
    #expect(words == (0..<1000).map { _ in second.next() })
    #expect(Set(words).count == words.count)
    #expect(first.secret(count: 32) == second.secret(count: 32))
    #expect(first.bytes(count: 24) != first.bytes(count: 24))
    #expect(SecretGenerator(seed: Secret(bytes: 1..<33)).next() != words[0])
    #expect(SecretGenerator(seed: Secret(bytes: [1])).next() != words[0])
  }

  private func bytes(_ digits: String) -> [UInt8] {
    stride(from: 0, to: digits.utf8.count, by: 2).compactMap { offset in
      UInt8(digits.dropFirst(offset).prefix(2), radix: 16)
    }
  }
}
