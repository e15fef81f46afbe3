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
