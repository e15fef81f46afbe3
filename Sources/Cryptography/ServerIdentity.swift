internal import CSodium

/// A server's one identity: an Ed25519 key pair and the knock secret beside it.
///
/// The TLS certificate is made from the key pair, and so is the X25519 key of the datagram
/// handshake; a provider pins ``joinKey`` (`PROTOCOL.md`, Identity and joining).
package struct ServerIdentity: Sendable {
  /// The length of an Ed25519 seed, in bytes.
  package static let seedByteCount = 32
  /// The length of ``storedBytes``.
  package static let storedByteCount = seedByteCount + JoinKey.knockSecretByteCount

  /// The Ed25519 seed, from which the key pair follows (RFC 8032 §5.1.5).
  package let seed: Secret
  /// The public half and the knock secret, as providers get them.
  package let joinKey: JoinKey

  /// Draws a new identity.
  package static func generate() -> ServerIdentity {
    let seed = Secret.random(count: seedByteCount)
    let pair = KeyPair(seed: seed)
    let knockSecret = SecureRandom.bytes(count: JoinKey.knockSecretByteCount)
    return ServerIdentity(
      seed: seed,
      joinKey: JoinKey(derivedKey: pair.publicKey, knockSecret: knockSecret)
    )
  }

  /// Takes an identity from what ``storedBytes`` gave.
  ///
  /// - Throws: ``CryptographyError/wrongLength(what:expected:actual:)``.
  package init(storedBytes: Secret) throws(CryptographyError) {
    guard storedBytes.count == Self.storedByteCount else {
      throw .wrongLength(
        what: "stored identity",
        expected: Self.storedByteCount,
        actual: storedBytes.count
      )
    }
    let seed = Secret(count: Self.seedByteCount) { memory in
      storedBytes.withUnsafePointer { memory.update(from: $0, count: Self.seedByteCount) }
    }
    let knockSecret = storedBytes.withUnsafePointer { bytes in
      Array(
        UnsafeBufferPointer(
          start: bytes + Self.seedByteCount,
          count: JoinKey.knockSecretByteCount
        )
      )
    }
    let pair = KeyPair(seed: seed)
    self.init(seed: seed, joinKey: JoinKey(derivedKey: pair.publicKey, knockSecret: knockSecret))
  }

  /// The seed followed by the knock secret, for the identity file.
  package var storedBytes: Secret {
    Secret(count: Self.storedByteCount) { memory in
      seed.withUnsafePointer { memory.update(from: $0, count: Self.seedByteCount) }
      (memory + Self.seedByteCount)
        .update(from: joinKey.knockSecret, count: JoinKey.knockSecretByteCount)
    }
  }

  /// The Ed25519 public key, 32 bytes.
  package var publicKey: [UInt8] { joinKey.publicKey }

  /// The X25519 private key that belongs to ``JoinKey/agreementPublicKey``, 32 bytes.
  package var agreementPrivateKey: Secret {
    let pair = KeyPair(seed: seed)
    return Secret(count: Int(crypto_scalarmult_curve25519_SCALARBYTES)) { key in
      pair.privateKey.withUnsafePointer { _ = crypto_sign_ed25519_sk_to_curve25519(key, $0) }
    }
  }

  private init(seed: Secret, joinKey: JoinKey) {
    self.seed = seed
    self.joinKey = joinKey
  }
}

/// Both halves of an Ed25519 key in libsodium's form.
private struct KeyPair {
  let publicKey: [UInt8]
  /// 64 bytes: the seed followed by the public key.
  let privateKey: Secret

  /// - Parameter seed: ``ServerIdentity/seedByteCount`` bytes.
  init(seed: Secret) {
    Sodium.prepare()
    var publicKey = [UInt8](repeating: 0, count: JoinKey.publicKeyByteCount)
    privateKey = Secret(count: Int(crypto_sign_ed25519_SECRETKEYBYTES)) { privateKey in
      seed.withUnsafePointer { seed in
        _ = crypto_sign_ed25519_seed_keypair(&publicKey, privateKey, seed)
      }
    }
    self.publicKey = publicKey
  }
}
