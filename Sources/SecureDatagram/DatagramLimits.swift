/// The numbers of the datagram layer (`PROTOCOL.md`, Datagrams). Sizes of datagrams are bytes of
/// UDP payload.
package enum DatagramLimits {
  // MARK: - Specified

  /// The datagram size that every path is taken to carry, and the least size of INIT
  /// (RFC 9000 §14.1).
  package static let baseDatagramBytes = 1200
  /// How many times what it received from an address that proved nothing a server sends there
  /// (RFC 9000 §8.1).
  package static let amplificationFactor = 3
  /// How long the secret that cookies are made of is used (WireGuard §5.3).
  package static let cookieSecretLifetime: Duration = .seconds(120)
  /// How long an answered INIT is remembered.
  package static let halfOpenLifetime: Duration = .seconds(5)
  /// A key's packet numbers are those that are equal in all but so many low bits.
  package static let epochBits: UInt64 = 22
  /// The age at which a sending key is replaced, used up or not.
  package static let keyLifetime: Duration = .seconds(600)

  // MARK: - Sizes that follow from the layouts

  /// DATA: flags, destination id, packet number.
  package static let dataHeaderBytes = 1 + 8 + 8
  /// What sealing adds to a payload: the header, the kind of the payload, the tag.
  package static let dataOverheadBytes = dataHeaderBytes + 1 + 16
  /// A whole RETRY.
  package static let retryBytes = 1 + 3 + 8 + 24 + 32
  /// A control message: its type and a number.
  package static let controlMessageBytes = 1 + 8

  // MARK: - Chosen

  /// The longest INIT that is read: what fits an Ethernet frame, and bounds the one hash that a
  /// stranger costs.
  package static let initialBytes = 1500
  /// The longest RESP that is read.
  package static let responseBytes = 1200
  /// The most bytes of a UDP payload over IPv4.
  package static let maximumDatagramBytes = 65_507
  /// The most fields of a negotiation message.
  package static let negotiationFields = 32
  /// The most versions, ciphers or extensions that a peer may list.
  package static let negotiationListEntries = 64

  /// Half-open handshakes: a thousand clients that come back at once, four times over. An entry
  /// takes about a kilobyte.
  package static let halfOpenHandshakes = 4096
  /// Half-open handshakes of one host: a quarter, so that one host cannot keep out the others.
  package static let halfOpenHandshakesPerHost = 1024
  /// Handshakes a second that are answered without a cookie: at a tenth of a millisecond each, two
  /// percent of a core.
  package static let handshakesPerSecond = 200
  /// Handshakes at once that are answered without a cookie.
  package static let handshakeBurst = 200
  /// Established channels of one port: what a server with tens of thousands of providers needs.
  package static let channels = 65_536
  /// Handshake packets that wait to be sent; one batch of input makes no more.
  package static let queuedHandshakePackets = 1024

  /// How far ahead of the newest epoch a received packet may be: a sender goes on to the next one
  /// only after it has heard from us, so one is what is expected.
  package static let epochsAhead: UInt64 = 3
  /// How long the old key opens packets that were overtaken by the first of the new one.
  package static let oldKeyLifetime: Duration = .seconds(10)
  /// Datagrams of control messages that wait to be sent; the peer's pings beyond are not answered.
  package static let queuedControlMessages = 16
  /// Control messages of one datagram that are read; this program sends two at most.
  package static let controlMessagesPerDatagram = 16
  /// How often CLOSE is said again to a peer that goes on sending.
  package static let closeRepetitions = 4

  /// How long a path challenge waits for its answer before it is sent again, when no round trip
  /// has been measured (RFC 9002 §6.2.2).
  package static let initialRoundTrip: Duration = .milliseconds(333)
  /// The shortest time between two challenges or two probes of a size.
  package static let minimumRepetition: Duration = .milliseconds(50)
  /// Challenges of one address, a round trip apart, before it is given up: at 30 % loss each way
  /// one in 200 fails.
  package static let challenges = 8
  /// The shortest time that an address is given to answer: what a new network may take to work.
  package static let minimumChallengeTime: Duration = .seconds(1)

  /// Probes of one size before it counts as too large. RFC 8899 has 3; at 20 % loss each way every
  /// twentieth size would be misjudged then, with 5 one in 160.
  package static let sizeProbes = 5
  /// The longest time between two pings that ask whether the path has come back.
  package static let longestSizePause: Duration = .seconds(60)
  /// The search ends when the answer is known to within so many bytes: one percent of a datagram.
  package static let sizeSearchStep = 16
  /// How long a result stands before larger sizes are tried again (RFC 8899 §5.1.1).
  package static let sizeRaiseInterval: Duration = .seconds(600)
  /// While large datagrams are sent, their size is confirmed this often, so that a path that became
  /// narrower is noticed even if nobody says so.
  package static let sizeConfirmationInterval: Duration = .seconds(5)

  /// The first repetition of an INIT.
  package static let initialRepetition: Duration = .milliseconds(250)
  /// The longest time between two repetitions of an INIT.
  package static let maximumRepetitionInterval: Duration = .seconds(2)
  /// How long an INIT is repeated before another one is made; less than its entry lives.
  package static let attemptLifetime: Duration = .seconds(4)
  /// RETRYs that are followed for one INIT; an honest server sends one or two.
  package static let retriesPerAttempt = 8
}
