package import struct NIOCore.ByteBuffer

/// The server's refusal of a HELLO (`PROTOCOL.md`, REJECT).
package struct Reject: Sendable, Hashable {
  /// Why, for the program.
  package var code: Code
  /// The code's name, so that a peer that does not know the code can still print it.
  package var name: String
  /// Why, for people; clipped to ``HandshakeLimits/reasonBytes`` when sent.
  package var reason: String
  /// What the dialler should do now.
  package var disposition: Disposition
  /// How long to wait before the next attempt; `nil` leaves it to the dialler's back-off.
  package var retryDelay: Duration?

  /// A refusal with the code's own name and disposition.
  ///
  /// - Parameters:
  ///   - code: Why, for the program.
  ///   - reason: One sentence for people, without secrets.
  ///   - retryDelay: Within ``HandshakeLimits/retryDelay``.
  package init(_ code: Code, reason: String, retryDelay: Duration? = nil) {
    self.code = code
    self.name = code.name ?? ""
    self.reason = reason
    self.disposition = code.disposition
    self.retryDelay = retryDelay
  }

  /// What a refused dialler should do.
  package enum Disposition: UInt8, Sendable, Hashable, CaseIterable {
    /// The same HELLO will not succeed: stop and tell the operator.
    case giveUp = 0
    /// The same HELLO may succeed later.
    case retryLater = 1
    /// The session is over: end its streams and say HELLO with the token.
    case startAnew = 2
  }

  /// The number of a refusal. Peers may send numbers that are not known here.
  package struct Code: RawRepresentable, Sendable, Hashable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
      self.rawValue = rawValue
    }

    /// Token unknown, expired, or without the scope: one and the same for every stranger.
    package static let badCredentials = Code(rawValue: 1)
    /// None of the versions offered is spoken here.
    package static let unsupportedVersion = Code(rawValue: 2)
    /// A critical field or feature is not known here.
    package static let unsupportedFeature = Code(rawValue: 3)
    /// No such session: the server was restarted, or the session was closed.
    package static let unknownSession = Code(rawValue: 4)
    /// The session's grace ran out before the dialler came back.
    package static let graceExpired = Code(rawValue: 5)
    /// The proof is not that of the session.
    package static let badProof = Code(rawValue: 6)
    /// A higher epoch has been seen already: a later attempt overtook this one.
    package static let staleEpoch = Code(rawValue: 7)
    /// The session's token was revoked; told only after a good proof.
    package static let revoked = Code(rawValue: 8)
    /// Another process with the same client id has taken over; told only after a good proof.
    package static let replaced = Code(rawValue: 9)
    /// A limit on attempts or sessions is reached.
    package static let overLimit = Code(rawValue: 10)
    /// The message could not be decoded.
    package static let malformed = Code(rawValue: 11)
    /// The server is stopping.
    package static let draining = Code(rawValue: 12)

    /// The codes known here, ascending.
    package static let known: [Code] = [
      .badCredentials, .unsupportedVersion, .unsupportedFeature, .unknownSession, .graceExpired,
      .badProof, .staleEpoch, .revoked, .replaced, .overLimit, .malformed, .draining,
    ]

    /// The name as sent; `nil` for a number that is not known here.
    package var name: String? {
      switch self {
      case .badCredentials: "bad-credentials"
      case .unsupportedVersion: "unsupported-version"
      case .unsupportedFeature: "unsupported-feature"
      case .unknownSession: "unknown-session"
      case .graceExpired: "grace-expired"
      case .badProof: "bad-proof"
      case .staleEpoch: "stale-epoch"
      case .revoked: "revoked"
      case .replaced: "replaced"
      case .overLimit: "over-limit"
      case .malformed: "malformed"
      case .draining: "draining"
      default: nil
      }
    }

    /// What a dialler should do about a refusal with this code, unless the message says otherwise.
    package var disposition: Disposition {
      switch self {
      case .unknownSession, .graceExpired, .badProof: .startAnew
      case .staleEpoch, .overLimit, .draining: .retryLater
      default: .giveUp
      }
    }
  }
}

extension Reject {
  private static let fields: [HandshakeFieldID] = [.code, .disposition]

  /// Decodes the fields behind the type.
  init(fieldsOf message: ByteBuffer) throws(HandshakeError) {
    let fields = try HandshakeFields(splitting: message)
    try fields.refuseCritical(except: Self.fields)
    let disposition = try fields.integer(.disposition)
    guard let known = UInt8(exactly: disposition).flatMap(Disposition.init(rawValue:)) else {
      throw .malformedField(id: HandshakeFieldID.disposition.rawValue)
    }
    code = Code(rawValue: try fields.integer(.code))
    name =
      fields.has(.codeName)
      ? try fields.text(.codeName, atMost: HandshakeLimits.codeNameBytes) : code.name ?? ""
    reason =
      fields.has(.reason) ? try fields.text(.reason, atMost: HandshakeLimits.reasonBytes) : ""
    self.disposition = known
    retryDelay =
      fields.has(.retryDelay)
      ? try fields.duration(.retryDelay, in: HandshakeLimits.retryDelay) : nil
  }

  /// The message as one record.
  ///
  /// - Throws: ``HandshakeError/unencodable(field:)``.
  package func encoded() throws(HandshakeError) -> ByteBuffer {
    var writer = HandshakeWriter(.reject)
    let reason = reason.printable(atMost: HandshakeLimits.reasonBytes)
    try writer.write(.reason, text: reason, atMost: HandshakeLimits.reasonBytes)
    if let retryDelay {
      try writer.write(.retryDelay, duration: retryDelay, in: HandshakeLimits.retryDelay)
    }
    try writer.write(.codeName, text: name, atMost: HandshakeLimits.codeNameBytes)
    try writer.write(.code, integer: code.rawValue)
    try writer.write(.disposition, integer: UInt64(disposition.rawValue))
    return try writer.finish()
  }
}
