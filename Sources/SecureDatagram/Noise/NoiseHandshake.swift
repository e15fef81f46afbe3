package import HawserCryptography

/// A handshake of the Noise Protocol Framework, revision 34, with X25519 and SHA-256.
///
///     initiator                  responder
///     write(payload) ──────────▶ read(message)
///     read(message)  ◀────────── write(payload)
///          ⋮                          ⋮           as many as the pattern has
///     result                     result
///
/// A value: a message that turns out not to be authentic is read by a copy, and leaves the
/// handshake as it was.
package struct NoiseHandshake {
  package enum Role: Sendable {
    case initiator
    case responder
  }

  /// What both sides have once the last message is through.
  package struct Result {
    /// The hash of all that was said, 32 bytes: the same for both sides of this handshake, and of
    /// no other.
    package let hash: [UInt8]
    /// The key of the initiator's messages, 32 bytes.
    package let initiatorKey: Secret
    /// The key of the responder's messages, 32 bytes.
    package let responderKey: Secret
  }

  /// The keys that one side brings.
  package struct Keys {
    /// Drawn for this handshake only.
    package var ephemeral: Secret
    /// Our static private key, where the pattern has us prove it.
    package var `static`: Secret?
    /// The peer's static public key, where the pattern has it known beforehand.
    package var remoteStatic: [UInt8]?
    /// 32 bytes, where the pattern has a pre-shared key.
    package var preshared: Secret?

    package init(
      ephemeral: Secret,
      static: Secret? = nil,
      remoteStatic: [UInt8]? = nil,
      preshared: Secret? = nil
    ) {
      self.ephemeral = ephemeral
      self.static = `static`
      self.remoteStatic = remoteStatic
      self.preshared = preshared
    }
  }

  private let pattern: NoisePattern
  private let role: Role
  private let keys: Keys
  private var state: SymmetricState
  private var messageIndex = 0
  private var remoteStatic: [UInt8]?
  private var remoteEphemeral: [UInt8]?

  /// - Parameters:
  ///   - pattern: The order of the messages.
  ///   - cipher: For the handshake messages.
  ///   - role: Whose side this is.
  ///   - prologue: What both sides must agree upon beforehand.
  ///   - keys: Those that the pattern needs of this side.
  package init(
    _ pattern: NoisePattern,
    cipher: AEADAlgorithm,
    role: Role,
    prologue: [UInt8],
    keys: Keys
  ) {
    self.pattern = pattern
    self.role = role
    self.keys = keys
    remoteStatic = keys.remoteStatic
    let cipherName =
      switch cipher {
      case .chaCha20Poly1305: "ChaChaPoly"
      case .aes256GCM: "AESGCM"
      }
    state = SymmetricState(
      protocolName: "Noise_\(pattern.name)_25519_\(cipherName)_SHA256",
      cipher: cipher
    )
    state.mixHash(prologue)
    if pattern.responderIsKnown {
      let responderKey =
        role == .initiator ? keys.remoteStatic : keys.static.map(KeyAgreement.publicKey)
      state.mixHash(responderKey ?? [])
    }
  }

  /// Whether the last message is through.
  package var isComplete: Bool { messageIndex == pattern.messages.count }

  /// Makes our next message.
  ///
  /// - Parameter payload: What it carries besides keys.
  /// - Returns: The message.
  /// - Throws: ``NoiseError``; then this value is of no use any more.
  package mutating func write(_ payload: [UInt8]) throws(NoiseError) -> [UInt8] {
    var message: [UInt8] = []
    for token in try tokens(of: role) {
      switch token {
      case .ephemeral:
        let key = KeyAgreement.publicKey(of: keys.ephemeral)
        message += key
        mixEphemeral(key)
      case .static:
        guard let key = keys.static.map(KeyAgreement.publicKey) else { throw .outOfTurn }
        message += state.encryptAndHash(key)
      default: try mix(token)
      }
    }
    message += state.encryptAndHash(payload)
    messageIndex += 1
    return message
  }

  /// Reads the peer's next message.
  ///
  /// - Parameter message: The whole of it.
  /// - Returns: Its payload.
  /// - Throws: ``NoiseError``; then this value is of no use any more.
  package mutating func read(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
    var rest = message[...]
    for token in try tokens(of: role == .initiator ? .responder : .initiator) {
      switch token {
      case .ephemeral:
        let key = try Self.take(KeyAgreement.keyByteCount, of: &rest)
        remoteEphemeral = key
        mixEphemeral(key)
      case .static:
        let count = KeyAgreement.keyByteCount + state.tagByteCount
        remoteStatic = try state.decryptAndHash(Self.take(count, of: &rest))
      default: try mix(token)
      }
    }
    let payload = try state.decryptAndHash(Array(rest))
    messageIndex += 1
    return payload
  }

  /// The outcome, `nil` until ``isComplete``.
  package var result: Result? {
    guard isComplete else { return nil }
    let (initiatorKey, responderKey) = state.split()
    return Result(hash: state.hash, initiatorKey: initiatorKey, responderKey: responderKey)
  }

  private func tokens(of sender: Role) throws(NoiseError) -> [NoisePattern.Token] {
    let turn: Role = messageIndex % 2 == 0 ? .initiator : .responder
    guard messageIndex < pattern.messages.count, turn == sender else { throw .outOfTurn }
    return pattern.messages[messageIndex]
  }

  private mutating func mixEphemeral(_ key: [UInt8]) {
    state.mixHash(key)
    if pattern.usesPresharedKey { state.mixKey(Secret(bytes: key)) }
  }

  private mutating func mix(_ token: NoisePattern.Token) throws(NoiseError) {
    let isInitiator = role == .initiator
    switch token {
    case .ephemeralEphemeral: try agree(keys.ephemeral, remoteEphemeral)
    case .ephemeralStatic:
      try isInitiator ? agree(keys.ephemeral, remoteStatic) : agree(keys.static, remoteEphemeral)
    case .staticEphemeral:
      try isInitiator ? agree(keys.static, remoteEphemeral) : agree(keys.ephemeral, remoteStatic)
    case .staticStatic: try agree(keys.static, remoteStatic)
    case .presharedKey:
      guard let key = keys.preshared else { throw .outOfTurn }
      state.mixKeyAndHash(key)
    case .ephemeral, .static: throw .outOfTurn
    }
  }

  private mutating func agree(_ ours: Secret?, _ theirs: [UInt8]?) throws(NoiseError) {
    guard let ours, let theirs else { throw .outOfTurn }
    guard let secret = try? KeyAgreement.sharedSecret(of: ours, with: theirs) else {
      throw .invalidKey
    }
    state.mixKey(secret)
  }

  private static func take(
    _ count: Int,
    of rest: inout ArraySlice<UInt8>
  ) throws(NoiseError) -> [UInt8] {
    guard rest.count >= count else { throw .truncated }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }
}
