package import HawserCryptography
package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// The server's first record on a link whose HELLO it accepts (`PROTOCOL.md`, WELCOME).
package struct Welcome: Sendable {
  /// The version spoken from here on.
  package var version: ProtocolVersion
  /// The features of both sides.
  package var features: [Feature]
  /// The session that the link now belongs to.
  package var session: RandomID
  /// What tells a new session from a resumed one.
  package var attachment: Attachment
  /// The credit given to the dialler; ignored when a session is resumed.
  package var grants: AnnouncedGrants
  /// The PING interval to keep, within ``HandshakeLimits/heartbeat``.
  package var heartbeat: Duration
  /// The agreed grace: not above what HELLO wished for.
  package var grace: Duration

  /// A WELCOME whose version and features HELLO offered, and whose session is the new one or the
  /// one that HELLO named.
  package init(
    version: ProtocolVersion,
    features: [Feature],
    session: RandomID,
    attachment: Attachment,
    grants: AnnouncedGrants,
    heartbeat: Duration,
    grace: Duration
  ) {
    self.version = version
    self.features = features
    self.session = session
    self.attachment = attachment
    self.grants = grants
    self.heartbeat = heartbeat
    self.grace = grace
  }

  /// What a WELCOME holds for a new session, and what for a resumed one.
  package enum Attachment: Sendable {
    /// A new session: the secret of ``HandshakeLimits/proofBytes`` bytes, sent this once.
    case new(resumeSecret: Secret)
    /// A resumed session: the server's own ``ResumeProof``.
    case resumed(proof: [UInt8])
  }
}

extension Welcome {
  private static let fields: [HandshakeFieldID] = [
    .version, .features, .sessionID, .proof, .resumeSecret, .grants, .heartbeat, .grace,
  ]

  /// Decodes the fields behind the type.
  init(fieldsOf message: ByteBuffer) throws(HandshakeError) {
    let fields = try HandshakeFields(splitting: message)
    try fields.refuseCritical(except: Self.fields)
    version = ProtocolVersion(rawValue: try fields.integer(.version))
    features = try fields.integers(.features, atMost: HandshakeLimits.features)
      .map(Feature.init(rawValue:))
    session = try fields.identifier(.sessionID)
    if fields.has(.proof) {
      try fields.exclude([.resumeSecret])
      attachment = .resumed(proof: try fields.bytes(.proof, count: HandshakeLimits.proofBytes))
    } else {
      let secret = try fields.bytes(.resumeSecret, count: HandshakeLimits.proofBytes)
      attachment = .new(resumeSecret: Secret(bytes: secret))
    }
    grants = try fields.grants()
    heartbeat = try fields.duration(.heartbeat, in: HandshakeLimits.heartbeat)
    grace = try fields.duration(.grace, in: HandshakeLimits.grace)
  }

  /// The message as one record.
  ///
  /// - Throws: ``HandshakeError/unencodable(field:)`` for values outside their limits.
  package func encoded() throws(HandshakeError) -> ByteBuffer {
    var writer = HandshakeWriter(.welcome)
    try writer.write(.version, integer: version.rawValue)
    try writer.write(
      .features,
      integers: features.map(\.rawValue),
      atMost: HandshakeLimits.features
    )
    writer.write(.sessionID, bytes: session.bytes)
    switch attachment {
    case .new(let secret):
      guard secret.count == HandshakeLimits.proofBytes else {
        throw .unencodable(field: "resumeSecret")
      }
      writer.write(.resumeSecret, bytes: secret.revealedBytes)
    case .resumed(let proof):
      guard proof.count == HandshakeLimits.proofBytes else { throw .unencodable(field: "proof") }
      writer.write(.proof, bytes: proof)
    }
    try writer.write(grants)
    try writer.write(.heartbeat, duration: heartbeat, in: HandshakeLimits.heartbeat)
    try writer.write(.grace, duration: grace, in: HandshakeLimits.grace)
    return try writer.finish()
  }

  /// Checks that the server agreed to what was offered and to nothing else.
  ///
  /// The server's proof is not checked here: see
  /// ``ResumeProof/verify(_:by:secret:binding:epoch:)``.
  ///
  /// - Throws: ``HandshakeError`` naming the first field that does not answer `hello`.
  package func check(against hello: Hello) throws(HandshakeError) {
    guard hello.versions.contains(version) else { throw .noCommonVersion(offered: [version]) }
    if let feature = features.first(where: { !hello.features.contains($0) }) {
      throw .unsupportedFeature(feature)
    }
    guard grace <= hello.grace else {
      throw .malformedField(id: HandshakeFieldID.grace.rawValue)
    }
    switch (hello.attachment, attachment) {
    case (.new, .new): break
    case (.resume(let session, _, _), .resumed):
      guard session == self.session else {
        throw .malformedField(id: HandshakeFieldID.sessionID.rawValue)
      }
    case (.new, .resumed): throw .conflictingField(id: HandshakeFieldID.proof.rawValue)
    case (.resume, .new): throw .conflictingField(id: HandshakeFieldID.resumeSecret.rawValue)
    }
  }
}

/// What a server answers to a HELLO.
package enum HandshakeAnswer: Sendable {
  case welcome(Welcome)
  case reject(Reject)

  /// Decodes a record.
  ///
  /// - Parameter record: The whole record.
  /// - Throws: ``HandshakeError`` for anything but a WELCOME or REJECT within its limits.
  package init(decoding record: ByteBuffer) throws(HandshakeError) {
    var record = record
    switch try HandshakeFields.type(of: &record) {
    case .hello: throw .unexpectedMessage(type: HandshakeMessageType.hello.rawValue)
    case .welcome: self = .welcome(try Welcome(fieldsOf: record))
    case .reject: self = .reject(try Reject(fieldsOf: record))
    }
  }
}
