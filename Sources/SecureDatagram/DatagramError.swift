/// What is wrong with a datagram before anything in it is believed.
///
/// None of these is answered: who sent it is unknown.
package enum DatagramError: Error, Hashable, Sendable {
  /// It has no bytes.
  case empty
  /// The first byte is that of no type of this version.
  case unknownType(UInt8)
  /// It is of a type that is not expected here.
  case unexpectedType
  /// Shorter or longer than its type can be, in bytes.
  case wrongLength(Int)
  /// Bits that this version sends as zero are not.
  case reservedBits
}

/// Why a datagram was dropped without an answer; for counters.
package enum DatagramRejection: Error, Hashable, Sendable {
  /// It cannot be one of ours.
  case malformed(DatagramError)
  /// The sender does not know the knock secret, or the datagram was damaged.
  case wrongKnock
  /// Nobody here has the connection id.
  case unknownConnection
  /// The handshake message is not authentic, or for another handshake.
  case badHandshake
  /// The packet number was seen before.
  case replayed
  /// The packet number is so old that nobody knows whether it was seen before, or its key is gone.
  case tooOld
  /// The packet number is of a key that is too far ahead.
  case tooFarAhead
  /// The tag is wrong: forged or damaged.
  case notAuthentic
  /// It is authentic, and holds nothing that this version knows.
  case unknownContent
  /// A limit is reached.
  case overLimit
  /// The channel is closed.
  case closed
}
