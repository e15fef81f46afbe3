internal import HawserCryptography

/// What a Noise handshake has agreed upon so far (Noise §5.1 and §5.2): a chaining key, a hash of
/// all that was said, and the key that follows from the newest agreement.
struct SymmetricState {
  private let cipher: AEADAlgorithm
  private var chainingKey: Secret
  /// The hash of all that was said, 32 bytes.
  private(set) var hash: [UInt8]
  private var key: AEADKey?
  private var nonce: UInt64 = 0

  /// Begins with a name `Noise_…`; one of more than 32 bytes is hashed.
  init(protocolName: String, cipher: AEADAlgorithm) {
    self.cipher = cipher
    let name = Array(protocolName.utf8)
    hash =
      name.count <= SHA256.byteCount
      ? name + [UInt8](repeating: 0, count: SHA256.byteCount - name.count) : SHA256.hash(name)
    chainingKey = Secret(bytes: hash)
  }

  mutating func mixHash(_ bytes: some Collection<UInt8>) {
    hash = SHA256.hash(hash + bytes)
  }

  mutating func mixKey(_ input: Secret) {
    let secrets = KeyDerivation.secrets(2, salt: chainingKey, input: input)
    chainingKey = secrets[0]
    key = AEADKey(cipher, key: secrets[1])
    nonce = 0
  }

  mutating func mixKeyAndHash(_ input: Secret) {
    let secrets = KeyDerivation.secrets(3, salt: chainingKey, input: input)
    chainingKey = secrets[0]
    mixHash(secrets[1].revealedBytes)
    key = AEADKey(cipher, key: secrets[2])
    nonce = 0
  }

  mutating func encryptAndHash(_ plaintext: [UInt8]) -> [UInt8] {
    let sealed =
      key?.seal(plaintext, additionalData: hash, nonce: nextNonce()) ?? plaintext
    mixHash(sealed)
    return sealed
  }

  mutating func decryptAndHash(_ sealed: [UInt8]) throws(NoiseError) -> [UInt8] {
    var plaintext = sealed
    if let key {
      guard let opened = key.open(sealed, additionalData: hash, nonce: nextNonce()) else {
        throw .notAuthentic
      }
      plaintext = opened
    }
    mixHash(sealed)
    return plaintext
  }

  /// How much longer a field is once it is encrypted, in bytes.
  var tagByteCount: Int { key == nil ? 0 : AEADAlgorithm.tagByteCount }

  /// The keys of the initiator's and of the responder's messages.
  func split() -> (initiator: Secret, responder: Secret) {
    let secrets = KeyDerivation.secrets(2, salt: chainingKey, input: Secret(bytes: []))
    return (secrets[0], secrets[1])
  }

  /// Noise §12: little-endian for ChaCha20-Poly1305, big-endian for AES-GCM.
  private mutating func nextNonce() -> AEADNonce {
    defer { nonce += 1 }
    return switch cipher {
    case .chaCha20Poly1305: .littleEndian(nonce)
    case .aes256GCM: .bigEndian(nonce)
    }
  }
}
