/// What sends and what the user sends.
package enum KCPService: Sendable {
  /// Each ``KCPConnection/send(_:record:at:)`` is one segment, handed up whole as it arrives, in
  /// any order but that the first one comes first, and acknowledged when it has been taken. What a
  /// link of records uses.
  case records
  /// Each is a message, in order, divided into segments.
  case messages
  /// All are one stream of bytes, in order; segments hold as much as fits.
  case stream
}

/// What `ts` means on the wire. A peer only repeats it.
package enum TimestampMeaning: Sendable {
  /// The number of the transmission: says exactly which of several copies arrived.
  case transmissionNumber
  /// Milliseconds, for ports that read it.
  case milliseconds
}

/// How a connection is set up; both ends agree on it beforehand, for KCP has no handshake.
package struct KCPConfiguration: Sendable {
  /// `conv`, which both ends use.
  package var conversationID: UInt32
  /// What is sent and received.
  package var service = KCPService.records
  /// What `ts` means in our segments.
  package var timestamps = TimestampMeaning.transmissionNumber
  /// How we acknowledge, and whether we accept ranges; both ends need the same.
  package var acknowledgements = AcknowledgementFormat.segments
  /// How fast to send.
  package var congestionControl = CongestionControl.bulk
  /// The largest datagram that is made, in bytes, headers of segments included; at least
  /// ``KCPLimits/minimumDatagramSize``.
  package var datagramSize = KCPLimits.datagramSize
  /// What the layers below add to each datagram, in bytes: counts for the rate.
  package var datagramOverhead = 0
  /// Segments that may be under way and unacknowledged.
  package var sendWindow = KCPLimits.window
  /// Segments that we take out of order or unread.
  package var receiveWindow = KCPLimits.window
  /// The peer's window until it tells one: ``KCPLimits/stockWindow`` unless both agreed.
  package var peerWindow = KCPLimits.stockWindow
  /// Bytes that may wait for the window in message and stream mode.
  package var queueByteCount = KCPLimits.queueByteCount
  /// Data waits and nothing is heard for this long: the link is dead.
  package var deadAfter = Duration.seconds(120)
  /// A round trip that is known from a handshake.
  package var initialRoundTrip: Duration?
  /// Sends lost segments of small traffic twice; see ``wasteLimit``.
  package var duplicatesRetransmissions = false
  /// The most bytes on the wire for each byte that was delivered, where repeating is a choice.
  package var wasteLimit = 2.0
  /// Both ends' first sequence number: 0, except to test the end of 32 bits.
  package var firstSequenceNumber: UInt32 = 0
  /// The first `ts`: likewise.
  package var firstTransmission: UInt32 = 0
  /// Where the congestion control's random choices begin.
  package var seed: UInt64 = 0

  package init(conversationID: UInt32) {
    self.conversationID = conversationID
  }
}

/// Why `send` took nothing.
package enum KCPSendError: Error, Hashable, Sendable {
  /// As much waits already as may; ``KCPEvent/writable`` says when to try again.
  case queueFull
  /// More segments than a message can have, or than the peer's window could ever assemble.
  case messageTooLarge(limit: Int)
  /// A record larger than one segment.
  case recordTooLarge(limit: Int)
  /// There is nothing in it.
  case empty
  /// The link is dead.
  case dead
}
