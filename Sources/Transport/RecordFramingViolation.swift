/// What a peer can do wrong in the messages inside TLS (`PROTOCOL.md`, Links, `tcp`).
package enum RecordFramingViolation: Error, Sendable, Hashable {
  /// A message of a kind that does not exist.
  case unknownKind(UInt8)
  /// A message announced more bytes than its kind may have.
  case messageTooLarge(UInt64)
  /// A message whose payload is not what its kind says.
  case malformedMessage(UInt8)
  /// An ACK for more records than were sent, or for fewer than an earlier one.
  case impossibleReport(UInt64)
  /// A PONG for a PING that was never sent.
  case unknownPong(UInt64)
}

extension RecordFramingViolation: CustomStringConvertible {
  /// A sentence part for logs; holds nothing that the peer chose but numbers.
  package var description: String {
    switch self {
    case .unknownKind(let kind): "a message of the unknown kind \(kind)"
    case .messageTooLarge(let bytes): "a message of \(bytes) bytes, more than its kind may have"
    case .malformedMessage(let kind): "a message of kind \(kind) that holds no number"
    case .impossibleReport(let count): "a report of \(count) records taken, which cannot be"
    case .unknownPong(let number): "an answer to PING \(number), which was not sent"
    }
  }
}
