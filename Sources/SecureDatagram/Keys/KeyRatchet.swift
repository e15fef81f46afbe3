internal import HawserCryptography

/// The keys of one direction, one for each epoch, each from the one before it, and none from a
/// later one (`PROTOCOL.md`, Datagrams, Keys).
struct KeyRatchet {
  private let cipher: AEADAlgorithm
  private let binding: Secret
  private var chain: Secret

  /// - Parameters:
  ///   - cipher: Of the data phase.
  ///   - secret: The direction's key from the handshake, 32 bytes.
  ///   - binding: The handshake hash.
  init(cipher: AEADAlgorithm, secret: Secret, binding: [UInt8]) {
    self.cipher = cipher
    self.binding = Secret(bytes: binding)
    chain = secret
  }

  /// The next epoch's key; the first call gives that of the first epoch. What it was made from is
  /// forgotten.
  mutating func next() -> AEADKey {
    let secrets = KeyDerivation.secrets(
      2,
      salt: chain,
      input: binding,
      information: Array("hawser/1 epoch".utf8) + [UInt8(truncatingIfNeeded: cipher.number)]
    )
    chain = secrets[1]
    return AEADKey(cipher, key: secrets[0])
  }
}
