package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// A way to get a link.
package enum TransportKind: String, Sendable {
  /// TLS 1.3 over TCP.
  case tcp
  /// KCP over encrypted UDP datagrams.
  case kcp
}

/// What a link's liveness looks like from this side.
package enum LinkHealth: Sendable, Hashable {
  /// What was sent is reported in time.
  case healthy
  /// A record or a PING has been unreported for too long; a second attempt beside it may be
  /// started.
  case suspect
}

/// What a link counts, for status and metrics.
package struct LinkStatistics: Sendable {
  /// The smoothed round trip (RFC 6298); `nil` before the first sample.
  package var smoothedRoundTrip: Duration?
  /// Bytes received from the network, encryption included.
  package var bytesIn: UInt64
  /// Bytes given to the network, encryption included.
  package var bytesOut: UInt64
  /// Records sent that the peer has not reported yet.
  package var recordsUnreported: Int
  /// When the link was accepted or dialled.
  package var since: Instant
}

/// One secured connection that carries records reliably, at least once while it lives, in any
/// order; it may die at any moment (`PROTOCOL.md`, Links).
///
/// Confined to its event loop: everything here is called there, and so are the user's methods.
/// Records are *pulled*: whoever has something to send calls ``wake()``, and the link asks its user
/// for records while the network takes them.
package protocol Link: AnyObject {
  /// Names the link within the process.
  var id: LinkID { get }

  /// How the link was made.
  var transport: TransportKind { get }

  /// The peer's address and port as text (`192.0.2.1:9887`, `[2001:db8::1]:9887`); while a dialled
  /// link is not yet connected, the host and port that are being dialled.
  var peerAddress: String { get }

  /// 32 bytes that both ends of this link know and no other link has (RFC 8446 §7.5). Empty before
  /// ``LinkUser/linkReady(_:)``.
  var binding: [UInt8] { get }

  /// The most bytes that one record may have.
  var maximumRecordSize: Int { get }

  /// Who sends and receives over the link. Held strongly until ``LinkUser/linkClosed(_:reason:)``;
  /// may be exchanged at any time, also from within its own callbacks.
  var user: (any LinkUser)? { get set }

  /// The user has records now. Cheap, may be called often: the pull happens once, after the events
  /// of the current turn of the loop.
  func wake()

  /// HELLO and WELCOME are done: the handshake slot is free again, and the handshake time limit
  /// stops. Both sides call it; a link that isn't established in time is closed.
  func established()

  /// Sets how often the peer is PINGed when nothing else proves that it lives.
  ///
  /// - Parameter interval: Clamped to ``TransportLimits/heartbeatRange``.
  func setHeartbeat(_ interval: Duration)

  /// Asks for a sign of life at once: the machine woke up, or its addresses changed.
  func probe()

  /// A newer link took over: pulls no more, but hands up and reports what is still under way from
  /// the peer until the peer closes, at the latest after ``TransportLimits/closeTime``.
  func retire()

  /// Closes gracefully: pulls one last batch, writes it, tells the peer, and closes when the peer
  /// has closed too, at the latest after ``TransportLimits/closeTime``. What arrives until then is
  /// handed up, but can't be reported any more.
  func close()

  /// Closes at once. What the network has not taken is gone.
  func abort()

  /// What the link has counted so far.
  var statistics: LinkStatistics { get }
}

/// The user of a link. All methods are called on the link's event loop.
///
/// Order: ``linkReady(_:)`` once, then any of the others, then ``linkClosed(_:reason:)`` once. A
/// link that never gets ready is closed without having been ready. None is called from within a
/// method of ``Link``, so a user may call any of those from anywhere.
package protocol LinkUser: AnyObject {
  /// The link is secured; records may flow.
  func linkReady(_ link: any Link)

  /// Asks for the next record.
  ///
  /// - Parameters:
  ///   - link: The link that would carry the record.
  ///   - buffer: Empty; takes the record, at most ``Link/maximumRecordSize`` bytes.
  /// - Returns: The record's number, `nil` when there is nothing to send.
  func link(_ link: any Link, nextRecordInto buffer: inout ByteBuffer) -> RecordNumber?

  /// Takes a record. It is reported to the peer as delivered after this has returned.
  ///
  /// - Parameters:
  ///   - link: The link that carried the record.
  ///   - record: A slice of the whole read batch; whoever keeps a small part for long copies it.
  func link(_ link: any Link, received record: ByteBuffer)

  /// The peer's user has taken a record; called once for each record at most.
  ///
  /// - Parameters:
  ///   - link: The link that carried the record.
  ///   - record: The number that ``link(_:nextRecordInto:)`` returned.
  func link(_ link: any Link, delivered record: RecordNumber)

  /// The end of a batch of received records and reports: the moment to pass things on.
  func linkReadComplete(_ link: any Link)

  /// The link's health changed.
  func link(_ link: any Link, became health: LinkHealth)

  /// There is a new smoothed round trip.
  func link(_ link: any Link, roundTrip: Duration)

  /// The link is over. Called once, last.
  func linkClosed(_ link: any Link, reason: LinkFailure)
}
