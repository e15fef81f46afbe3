/// The order in which the messages of a Noise handshake carry keys (Noise, revision 34, §7).
///
/// The datagram layer speaks ``nk``; the others that tests know show that the machine is Noise's.
package struct NoisePattern: Sendable {
  /// One step of a message.
  package enum Token: Sendable {
    /// The sender's ephemeral key, in the clear.
    case ephemeral
    /// The sender's static key, encrypted as soon as there is a key for it.
    case `static`
    /// Agreement between the two ephemeral keys.
    case ephemeralEphemeral
    /// Agreement between the initiator's ephemeral and the responder's static key.
    case ephemeralStatic
    /// Agreement between the initiator's static and the responder's ephemeral key.
    case staticEphemeral
    /// Agreement between the two static keys.
    case staticStatic
    /// The pre-shared key.
    case presharedKey
  }

  /// The name within a protocol's name, such as `NK`.
  package let name: String
  /// Whether the initiator knows the responder's static key beforehand.
  package let responderIsKnown: Bool
  /// The messages, the initiator's first, in turn.
  package let messages: [[Token]]

  package init(name: String, responderIsKnown: Bool, messages: [[Token]]) {
    self.name = name
    self.responderIsKnown = responderIsKnown
    self.messages = messages
  }

  /// Only the responder proves who it is, by a key that the initiator knows.
  package static let nk = NoisePattern(
    name: "NK",
    responderIsKnown: true,
    messages: [[.ephemeral, .ephemeralStatic], [.ephemeral, .ephemeralEphemeral]]
  )

  /// With a pre-shared key an ephemeral key is mixed into the keys, too (§9.2).
  var usesPresharedKey: Bool {
    messages.contains { $0.contains(.presharedKey) }
  }
}

/// Why a Noise handshake cannot go on.
package enum NoiseError: Error, Hashable, Sendable {
  /// A message ends inside a key or a tag.
  case truncated
  /// A tag is wrong: forged, damaged, or for another key or transcript.
  case notAuthentic
  /// A public key with which no secret can be agreed upon.
  case invalidKey
  /// It is not our turn, the handshake is complete, or a key was not given: our bug.
  case outOfTurn
}
