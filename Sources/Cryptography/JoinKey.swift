internal import CSodium

/// What a join URL's `key=` carries: the server's public key, which the provider pins, and the
/// knock secret, without which the server's datagram port stays silent (`PROTOCOL.md`, Joining).
package struct JoinKey: Sendable, Hashable, CustomStringConvertible {
  /// The length of the Ed25519 public key, in bytes.
  package static let publicKeyByteCount = 32
  /// The length of the knock secret, in bytes.
  package static let knockSecretByteCount = 16
  /// The length of both together, in bytes.
  package static let byteCount = publicKeyByteCount + knockSecretByteCount

  /// The server's Ed25519 public key.
  package let publicKey: [UInt8]
  /// The knock secret. Everybody who holds a join URL of the server knows it.
  package let knockSecret: [UInt8]

  /// - Parameter bytes: The public key followed by the knock secret.
  /// - Throws: ``CryptographyError`` when the length is wrong or the key no point of the curve.
  package init(bytes: some Collection<UInt8>) throws(CryptographyError) {
    guard bytes.count == Self.byteCount else {
      throw .wrongLength(what: "join key", expected: Self.byteCount, actual: bytes.count)
    }
    publicKey = Array(bytes.prefix(Self.publicKeyByteCount))
    knockSecret = Array(bytes.dropFirst(Self.publicKeyByteCount))
    _ = try Self.agreementPublicKey(of: publicKey)
  }

  /// - Parameter text: What ``text`` gives.
  /// - Throws: ``CryptographyError``.
  package init(text: some StringProtocol) throws(CryptographyError) {
    try self.init(bytes: Base64URL.decode(text))
  }

  /// Takes what a ``ServerIdentity`` derived itself, which needs no check.
  init(derivedKey: [UInt8], knockSecret: [UInt8]) {
    publicKey = derivedKey
    self.knockSecret = knockSecret
  }

  /// The public key followed by the knock secret, ``byteCount`` bytes.
  package var bytes: [UInt8] { publicKey + knockSecret }

  /// The 64 characters that stand behind `key=`.
  package var text: String { Base64URL.encode(bytes) }

  /// The X25519 public key that libsodium derives from the Ed25519 one, for the datagram handshake.
  package var agreementPublicKey: [UInt8] {
    get throws(CryptographyError) { try Self.agreementPublicKey(of: publicKey) }
  }

  /// The public key only: enough to recognise a server, not enough to knock.
  package var description: String { Base64URL.encode(publicKey) }

  private static func agreementPublicKey(
    of publicKey: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    Sodium.prepare()
    var converted = [UInt8](repeating: 0, count: publicKeyByteCount)
    guard crypto_sign_ed25519_pk_to_curve25519(&converted, publicKey) == 0 else {
      throw .invalidPublicKey
    }
    return converted
  }
}
