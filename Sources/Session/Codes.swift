/// Why one direction of a stream ended early (`PROTOCOL.md`, Stream error codes).
///
/// Unknown values are kept as they are, so that a later peer may have more of them.
package struct StreamErrorCode: RawRepresentable, Sendable, Hashable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The application has no more use for the stream.
  package static let cancelled = Self(rawValue: 0)
  /// The target refused the connection, or could not be reached.
  package static let targetUnreachable = Self(rawValue: 1)
  /// The peer may not reach that target.
  package static let notPermitted = Self(rawValue: 2)
  /// The peer takes no new streams because it is about to stop.
  package static let draining = Self(rawValue: 3)
  /// The socket behind the stream was reset or failed.
  package static let connectionReset = Self(rawValue: 4)
  /// The link was away for longer than the grace period.
  package static let graceExpired = Self(rawValue: 5)
  /// The reader took nothing while others needed its credit.
  package static let stalled = Self(rawValue: 6)
  /// No service has the id that OPEN named.
  package static let unknownService = Self(rawValue: 7)
  /// A limit on streams or memory was reached.
  package static let limitReached = Self(rawValue: 8)
  /// The session ended.
  package static let sessionClosed = Self(rawValue: 9)
  /// The target did not answer in time.
  package static let timeout = Self(rawValue: 10)
}

extension StreamErrorCode: CustomStringConvertible {
  /// The code's name in the field's words, or its number.
  package var description: String {
    switch self {
    case .cancelled: "cancelled"
    case .targetUnreachable: "target unreachable"
    case .notPermitted: "not permitted"
    case .draining: "draining"
    case .connectionReset: "connection reset"
    case .graceExpired: "grace expired"
    case .stalled: "reader stalled"
    case .unknownService: "unknown service"
    case .limitReached: "limit reached"
    case .sessionClosed: "session closed"
    case .timeout: "timeout"
    default: "code \(rawValue)"
    }
  }
}

/// Why a session ended (`PROTOCOL.md`, Close codes).
package struct CloseCode: RawRepresentable, Sendable, Hashable {
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The peer stopped as asked.
  package static let normal = Self(rawValue: 0)
  /// The peer is stopping and may be back.
  package static let goingAway = Self(rawValue: 1)
  /// Another process of the same client took over.
  package static let replaced = Self(rawValue: 2)
  /// The token was revoked.
  package static let revoked = Self(rawValue: 3)
  /// A frame was malformed or contradicted what was said before.
  package static let protocolViolation = Self(rawValue: 4)
  /// More was sent than credit allowed.
  package static let flowControlViolation = Self(rawValue: 5)
  /// Too many frames that spend no credit.
  package static let flood = Self(rawValue: 6)
  /// The peer failed.
  package static let internalError = Self(rawValue: 7)
}

extension CloseCode: CustomStringConvertible {
  /// The code's name in the field's words, or its number.
  package var description: String {
    switch self {
    case .normal: "normal"
    case .goingAway: "going away"
    case .replaced: "replaced"
    case .revoked: "revoked"
    case .protocolViolation: "protocol violation"
    case .flowControlViolation: "flow control violation"
    case .flood: "flood"
    case .internalError: "internal error"
    default: "code \(rawValue)"
    }
  }
}
