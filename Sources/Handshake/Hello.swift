package import HawserCryptography
package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// The dialler's first record on a link (`PROTOCOL.md`, HELLO).
package struct Hello: Sendable {
  /// The versions offered, 1 to ``HandshakeLimits/versions``, in any order.
  package var versions: [ProtocolVersion]
  /// The features offered, at most ``HandshakeLimits/features``, in any order.
  package var features: [Feature]
  /// Which agent dials.
  package var role: Role
  /// What the link is for.
  package var attachment: Attachment
  /// The credit given to the server; ignored when a session is resumed.
  package var grants: AnnouncedGrants
  /// The PING interval wished for, within ``HandshakeLimits/heartbeat``.
  package var heartbeat: Duration
  /// The grace wished for, within ``HandshakeLimits/grace``.
  package var grace: Duration

  /// A HELLO that offers what this build speaks.
  package init(
    versions: [ProtocolVersion] = ProtocolVersion.supported,
    features: [Feature] = Feature.supported,
    role: Role,
    attachment: Attachment,
    grants: AnnouncedGrants,
    heartbeat: Duration,
    grace: Duration
  ) {
    self.versions = versions
    self.features = features
    self.role = role
    self.attachment = attachment
    self.grants = grants
    self.heartbeat = heartbeat
    self.grace = grace
  }

  /// What a link is for: a new session, or one that lost its link or moves to this one.
  package enum Attachment: Sendable {
    /// A new session.
    ///
    /// - `token`: the token's text, 1 to ``HandshakeLimits/tokenBytes`` bytes of visible ASCII
    /// - `client`: stable, as long as the agent keeps its state
    /// - `process`: drawn at the start of the process
    /// - `name`: for people, at most ``HandshakeLimits/nameBytes``
    case new(token: Secret, client: RandomID, process: RandomID, name: String)
    /// A session that exists.
    ///
    /// - `epoch`: greater than that of every attachment before
    /// - `proof`: of ``ResumeProof``
    case resume(session: RandomID, epoch: AttachmentEpoch, proof: [UInt8])
  }
}

// MARK: - Decoding

extension Hello {
  private static let fields: [HandshakeFieldID] = [
    .versions, .features, .role, .token, .clientID, .processID, .sessionID, .epoch, .proof,
    .grants, .heartbeat, .grace,
  ]
  private static let newFields: [HandshakeFieldID] = [.token, .clientID, .processID, .name]
  private static let resumeFields: [HandshakeFieldID] = [.sessionID, .epoch, .proof]

  /// Decodes a record.
  ///
  /// The versions are looked at before anything else, since all other fields belong to a version.
  ///
  /// - Parameters:
  ///   - record: The whole record.
  ///   - supported: The versions spoken here.
  /// - Throws: ``HandshakeError``; its ``HandshakeError/reject`` is the answer to send.
  package init(
    decoding record: ByteBuffer,
    supporting supported: [ProtocolVersion] = ProtocolVersion.supported
  ) throws(HandshakeError) {
    var record = record
    let type = try HandshakeFields.type(of: &record)
    guard type == .hello else { throw .unexpectedMessage(type: type.rawValue) }
    let fields = try HandshakeFields(splitting: record)

    versions = try fields.integers(.versions, atMost: HandshakeLimits.versions)
      .map(ProtocolVersion.init(rawValue:))
    guard !versions.isEmpty else {
      throw .malformedField(id: HandshakeFieldID.versions.rawValue)
    }
    _ = try Negotiation.version(offered: versions, supported: supported)

    try fields.refuseCritical(except: Self.fields)
    features = try fields.integers(.features, atMost: HandshakeLimits.features)
      .map(Feature.init(rawValue:))
    guard let role = UInt8(exactly: try fields.integer(.role)).flatMap(Role.init(rawValue:)) else {
      throw .malformedField(id: HandshakeFieldID.role.rawValue)
    }
    self.role = role
    attachment = try Self.attachment(in: fields)
    grants = try fields.grants()
    heartbeat = try fields.duration(.heartbeat, in: HandshakeLimits.heartbeat)
    grace = try fields.duration(.grace, in: HandshakeLimits.grace)
  }

  private static func attachment(in fields: HandshakeFields) throws(HandshakeError) -> Attachment {
    if fields.has(.sessionID) {
      try fields.exclude(newFields)
      return .resume(
        session: try fields.identifier(.sessionID),
        epoch: try fields.integer(.epoch),
        proof: try fields.bytes(.proof, count: HandshakeLimits.proofBytes)
      )
    }
    try fields.exclude(resumeFields)
    let token = try fields.value(.token).readableBytesView
    guard Self.isToken(token) else {
      throw .malformedField(id: HandshakeFieldID.token.rawValue)
    }
    return .new(
      token: Secret(bytes: token),
      client: try fields.identifier(.clientID),
      process: try fields.identifier(.processID),
      name: fields.has(.name)
        ? try fields.text(.name, atMost: HandshakeLimits.nameBytes) : ""
    )
  }

  private static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
    (1...HandshakeLimits.tokenBytes).contains(bytes.count)
      && bytes.allSatisfy { (0x21...0x7E).contains($0) }
  }
}

// MARK: - Encoding

extension Hello {
  /// The message as one record.
  ///
  /// - Throws: ``HandshakeError/unencodable(field:)`` for values outside their limits.
  package func encoded() throws(HandshakeError) -> ByteBuffer {
    guard !versions.isEmpty else { throw .unencodable(field: "versions") }
    var writer = HandshakeWriter(.hello)
    try writer.write(
      .versions,
      integers: versions.map(\.rawValue),
      atMost: HandshakeLimits.versions
    )
    if case .new(_, _, _, let name) = attachment, !name.isEmpty {
      try writer.write(.name, text: name, atMost: HandshakeLimits.nameBytes)
    }
    try writer.write(
      .features,
      integers: features.map(\.rawValue),
      atMost: HandshakeLimits.features
    )
    try writer.write(.role, integer: UInt64(role.rawValue))
    switch attachment {
    case .new(let token, let client, let process, _):
      let token = token.revealedBytes
      guard Self.isToken(token) else { throw .unencodable(field: "token") }
      writer.write(.token, bytes: token)
      writer.write(.clientID, bytes: client.bytes)
      writer.write(.processID, bytes: process.bytes)
    case .resume(let session, let epoch, let proof):
      guard proof.count == HandshakeLimits.proofBytes else { throw .unencodable(field: "proof") }
      writer.write(.sessionID, bytes: session.bytes)
      try writer.write(.epoch, integer: epoch)
      writer.write(.proof, bytes: proof)
    }
    try writer.write(grants)
    try writer.write(.heartbeat, duration: heartbeat, in: HandshakeLimits.heartbeat)
    try writer.write(.grace, duration: grace, in: HandshakeLimits.grace)
    return try writer.finish()
  }
}
