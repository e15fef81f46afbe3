internal import CSodium

/// X25519 (RFC 7748).
package enum KeyAgreement {
  /// The length of a private key, a public key and a shared secret, in bytes.
  package static let keyByteCount = 32

  /// The public key of `privateKey`, which has ``keyByteCount`` bytes.
  package static func publicKey(of privateKey: Secret) -> [UInt8] {
    Sodium.prepare()
    var publicKey = [UInt8](repeating: 0, count: keyByteCount)
    guard privateKey.count == keyByteCount else { return publicKey }
    privateKey.withUnsafePointer { _ = crypto_scalarmult_curve25519_base(&publicKey, $0) }
    return publicKey
  }

  /// What both owners of a private key can compute, and nobody else.
  ///
  /// - Parameters:
  ///   - privateKey: ``keyByteCount`` bytes.
  ///   - publicKey: The peer's; any bytes.
  /// - Returns: ``keyByteCount`` bytes.
  /// - Throws: ``CryptographyError/wrongLength(what:expected:actual:)``, or
  ///   ``CryptographyError/invalidAgreementKey`` for a point with which every private key gives
  ///   the same secret (RFC 7748 §6.1).
  package static func sharedSecret(
    of privateKey: Secret,
    with publicKey: [UInt8]
  ) throws(CryptographyError) -> Secret {
    Sodium.prepare()
    for count in [privateKey.count, publicKey.count] where count != keyByteCount {
      throw .wrongLength(what: "X25519 key", expected: keyByteCount, actual: count)
    }
    var isUsable = false
    let secret = Secret(count: keyByteCount) { secret in
      privateKey.withUnsafePointer { privateKey in
        isUsable = crypto_scalarmult_curve25519(secret, privateKey, publicKey) == 0
      }
    }
    guard isUsable else { throw .invalidAgreementKey }
    return secret
  }
}
