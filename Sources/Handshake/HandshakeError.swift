/// What is wrong with a handshake message, a control message, or what two peers could agree upon.
///
/// Peer input never traps: each decoder returns a value or one of these.
package enum HandshakeError: Error, Hashable, Sendable {
  /// The message ends inside a field.
  case truncated
  /// The message has more than ``HandshakeLimits/messageBytes``.
  case tooLarge(bytes: Int)
  /// The message is not of an expected type.
  case unexpectedMessage(type: UInt8)
  /// The message has more than ``HandshakeLimits/fields`` fields.
  case tooManyFields
  /// A field comes twice, or after one with a greater id.
  case fieldOutOfOrder(id: UInt64)
  /// A field that the message needs is absent.
  case missingField(id: UInt64)
  /// A field's value has a wrong length, count, range or encoding.
  case malformedField(id: UInt64)
  /// A field stands beside one that excludes it.
  case conflictingField(id: UInt64)
  /// A critical (odd) field that this version does not know.
  case unknownCriticalField(id: UInt64)
  /// None of the versions offered is known here.
  case noCommonVersion(offered: [ProtocolVersion])
  /// A critical (odd) feature that is not supported here.
  case unsupportedFeature(Feature)
  /// The message to be sent holds a value outside its limits: our bug or our configuration.
  case unencodable(field: String)
  /// A control message is longer than ``HandshakeLimits/controlMessageBytes``.
  case controlMessageTooLarge(bytes: UInt64)
  /// A control message of a known type whose JSON or whose values are not as specified.
  case malformedControlMessage
}

extension HandshakeError: CustomStringConvertible {
  /// A sentence part for logs; holds nothing that the peer chose but numbers.
  package var description: String {
    switch self {
    case .truncated: "the message ends inside a field"
    case .tooLarge(let bytes):
      "the message has \(bytes) bytes, more than \(HandshakeLimits.messageBytes)"
    case .unexpectedMessage(let type): "message type \(type) is not expected here"
    case .tooManyFields: "the message has more than \(HandshakeLimits.fields) fields"
    case .fieldOutOfOrder(let id): "field \(id) comes twice or out of order"
    case .missingField(let id): "field \(id) is missing"
    case .malformedField(let id): "field \(id) is malformed"
    case .conflictingField(let id): "field \(id) conflicts with another field"
    case .unknownCriticalField(let id): "field \(id) is critical and unknown"
    case .noCommonVersion(let offered):
      "no common protocol version: offered \(offered.map(\.rawValue)), "
        + "supported \(ProtocolVersion.supported.map(\.rawValue))"
    case .unsupportedFeature(let feature): "feature \(feature.rawValue) is not supported"
    case .unencodable(let field): "\(field) is outside its limits and cannot be sent"
    case .controlMessageTooLarge(let bytes):
      "a control message of \(bytes) bytes, more than \(HandshakeLimits.controlMessageBytes)"
    case .malformedControlMessage: "a control message is malformed"
    }
  }
}

extension HandshakeError {
  /// The answer to a HELLO that could not be decoded or agreed upon.
  package var reject: Reject {
    switch self {
    case .noCommonVersion: Reject(.unsupportedVersion, reason: description)
    case .unknownCriticalField, .unsupportedFeature:
      Reject(.unsupportedFeature, reason: description)
    case .truncated, .tooLarge, .unexpectedMessage, .tooManyFields, .fieldOutOfOrder,
      .missingField, .malformedField, .conflictingField, .unencodable, .controlMessageTooLarge,
      .malformedControlMessage:
      Reject(.malformed, reason: description)
    }
  }
}
