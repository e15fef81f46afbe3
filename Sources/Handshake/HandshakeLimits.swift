/// Every limit of the handshake and of the control messages (`PROTOCOL.md`, Handshake).
///
/// All are chosen: large enough for any honest peer, small enough that a stranger's HELLO costs
/// the server next to nothing.
package enum HandshakeLimits {
  /// The most bytes of one HELLO, WELCOME or REJECT: fits one record of every transport that has
  /// at least 4 KiB records, and is refused unread beyond that.
  package static let messageBytes = 4096

  /// The most fields of one handshake message, ignorable unknown ones included.
  package static let fields = 64

  /// The most protocol versions that a HELLO offers.
  package static let versions = 16

  /// The most features that a message lists.
  package static let features = 64

  /// The most bytes of a token's text: four times what a token of today takes.
  package static let tokenBytes = 256

  /// The most bytes of a name: a client's or a service's. DNS allows 255 for a host.
  package static let nameBytes = 255

  /// The most bytes of a text for people; longer ones are clipped by the sender.
  package static let reasonBytes = 512

  /// The most bytes of the name of a code, as `bad-credentials`.
  package static let codeNameBytes = 64

  /// The bytes of a proof and of a resume secret: the output and the key of HMAC-SHA256.
  package static let proofBytes = 32

  /// Heartbeats that may be asked for: above a flood, below what any NAT forgets.
  package static let heartbeat: ClosedRange<Duration> = .milliseconds(100) ... .seconds(3600)

  /// Grace that may be asked for: from none to a week, after which nobody remembers the client.
  package static let grace: ClosedRange<Duration> = .zero ... .seconds(7 * 24 * 3600)

  /// Delays that a REJECT may ask for: a day, so that a mistake does not park a provider for ever.
  package static let retryDelay: ClosedRange<Duration> = .zero ... .seconds(24 * 3600)

  /// The most bytes of one control message, its length prefix excluded: as much as stream 0 may
  /// hold unread outside the session's credit.
  package static let controlMessageBytes = 65_536

  /// The greatest identifier in a control message: what every JSON implementation keeps exactly
  /// (RFC 8259 §6).
  package static let controlIdentifier: UInt64 = 1 << 53 - 1

  /// The most bytes of an entry's mode, as `tcp`.
  package static let modeBytes = 32
}
