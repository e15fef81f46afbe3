/// Every limit of the transports, with its unit and its reason.
///
/// *Specified* ones are part of the protocol: both ends must agree. *Chosen* ones are this side's.
package enum TransportLimits {
  // Messages: specified (`PROTOCOL.md`, Links).

  /// Bytes of one message, header included: it fills at most one TLS record (RFC 8446 §5.1).
  package static let messageBytes = 16_384
  /// Bytes before a message's payload: the kind, and a length of two bytes.
  package static let messageHeaderBytes = 3
  /// Bytes of one record on a `tcp` link.
  package static let recordBytes = messageBytes - messageHeaderBytes
  /// Bytes of the payload of ACK, PING and PONG: one variable-length integer.
  package static let controlPayloadBytes = 8
  /// Bytes received after which an ACK is due at the latest.
  package static let reportBytes = 64 * 1024
  /// The longest time that a received record waits for its ACK.
  package static let reportDelay = Duration.milliseconds(20)

  // Liveness: chosen, but for the heartbeat, on which the peers agree.

  /// The PING interval until the session sets one: short enough for most NATs' TCP timeouts.
  package static let initialHeartbeat = Duration.seconds(15)
  /// What a heartbeat may be: more often is a load, more seldom proves nothing.
  package static let heartbeatRange = Duration.milliseconds(100)...Duration.seconds(120)
  /// A report is late when it has taken this many smoothed round trips…
  package static let suspectRoundTrips = 3
  /// …and this much more, for what the network and the peer's scheduler add now and then.
  package static let suspectMargin = Duration.milliseconds(250)
  /// The round trip assumed before the first sample (RFC 6298 §2.1 takes 1 s for the whole timer).
  package static let initialRoundTrip = Duration.milliseconds(250)
  /// Something is outstanding and nothing at all was heard for this long: the link is dead. TCP has
  /// retransmitted some five times by then; the session has long dialled a second link.
  package static let deadTime = Duration.seconds(10)
  /// Nothing was heard for this many heartbeats and ``deadTime``: the link is dead, even idle.
  package static let deadHeartbeats = 3
  /// A timer that fires this much late means that the process or the machine was suspended, and
  /// that silence proves nothing.
  package static let suspensionThreshold = Duration.seconds(1)
  /// Between looks at a suspect link, so that a suspension of more than a second or two is noticed.
  package static let suspectLookInterval = Duration.seconds(1)
  /// Without a sample of the round trip for this long, a busy link is PINGed too.
  package static let roundTripAge = Duration.seconds(10)

  // Handshakes: chosen.

  /// The time from accepting or dialling a connection to ``Link/established()``: TCP, TLS, HELLO
  /// and WELCOME over a bad path take a few round trips and retransmissions.
  package static let handshakeTime = Duration.seconds(10)
  /// The time from accepting a connection to its first byte: a ClientHello is sent together with
  /// the last packet of TCP's own handshake, however long the round trip is. There is time for TCP
  /// to send it again once or twice.
  package static let firstByteTime = Duration.seconds(2)
  /// Accepted connections that are not yet established, of everyone: each costs about 50 KiB and a
  /// signature.
  package static let handshakes = 256
  /// The same, of one IPv4 address or one IPv6 network of 64 bits: a site behind one NAT comes back
  /// with all its providers at once, a stranger doesn't fill the table alone.
  package static let handshakesPerAddress = 32
  /// How long a connection whose ClientHello has come keeps its place although others want it: time
  /// for TLS, HELLO and WELCOME at a round trip of a third of a second.
  package static let handshakeProtection = Duration.seconds(1)
  /// The pause after the process or the system ran out of descriptors or memory for a connection.
  package static let acceptPause = Duration.milliseconds(100)
  /// Connections that the kernel completes ahead of us.
  package static let acceptBacklog: Int32 = 512

  // The data path: chosen.

  /// Bytes of records that are encrypted and written at once. What is queued above the kernel is
  /// at most this, so it bounds how long a quiet stream waits behind a busy one; more gains
  /// nothing.
  package static let batchBytes = 64 * 1024
  /// Bytes sent in one go before the other channels of the loop get their turn.
  package static let turnBytes = 1024 * 1024
  /// Bytes that the kernel may hold unsent (`TCP_NOTSENT_LOWAT`), within which ``UnsentLimit``
  /// adapts: one full TLS record at least, and at most what keeps a gigabit busy for a millisecond.
  package static let unsentBytes = 16 * 1024...128 * 1024
  /// The time in which the path takes what the kernel holds unsent: much less than a round trip
  /// that anybody notices, much more than a turn of the loop. BBR's window is two round trips'
  /// worth, so that in truth it is twice as long.
  package static let unsentTime = Duration.milliseconds(10)
  /// Between looks at the kernel's idea of the path: a window changes over round trips.
  package static let unsentLookInterval = Duration.milliseconds(100)
  /// Records sent and not yet reported after which no more is pulled: bounds the ledger against a
  /// peer that takes records and never says so. At full size it is 1 GiB, more than any session
  /// retains.
  package static let unreportedRecords = 65_536
  /// Bytes that one read takes from the kernel: the first guess, and what the guess adapts within.
  package static let readBytes = (minimum: 1024, initial: 65_536, maximum: 262_144)
  /// Reads in a row before the other channels of the loop get their turn.
  package static let readsPerTurn: UInt = 16

  // The end: chosen.

  /// The time that a graceful close may take.
  package static let closeTime = Duration.seconds(1)
  /// The time after which the kernel gives up a connection whose bytes are not acknowledged
  /// (`TCP_USER_TIMEOUT`); longer than ``deadTime``, which comes with a better reason.
  package static let unacknowledgedTime = Duration.seconds(15)

  // Logs: chosen.

  /// Between lines about what strangers can cause at will.
  package static let logInterval = Duration.seconds(60)
}
