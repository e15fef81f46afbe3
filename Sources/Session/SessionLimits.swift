/// What the protocol fixes for both peers (`PROTOCOL.md`, Frames). Changing one breaks the wire.
package enum ProtocolLimits {
  /// Stream credit that each direction of a stream has before any CREDIT frame, in bytes.
  package static let initialStreamCredit: UInt64 = 64 << 10

  /// Credit of the control stream, in bytes, outside the session's credit.
  package static let controlStreamCredit: UInt64 = 64 << 10

  /// The largest OPEN frame, in bytes: it has to fit the smallest record of any transport.
  package static let maximumOpenSize = 1024

  /// The longest reason in a CLOSE frame, in bytes of UTF-8; longer ones are cut by the sender.
  package static let maximumReasonSize = 256

  /// The smallest record a link may offer, in bytes: an OPEN and room to spare.
  package static let minimumRecordSize = 1100
}

/// What one session may use of its process. All are *chosen*; a peer sees only the initial grants.
package struct SessionLimits: Sendable {
  /// Streams that the peer may have open at once, and that may be open from here at once.
  ///
  /// Twice the thousand clients that one service is expected to carry.
  package var concurrentStreams: UInt64 = 2048

  /// The most credit that one stream may have outstanding, in bytes: 100 Mbit/s over 1.3 s.
  package var maximumStreamWindow: UInt64 = 16 << 20

  /// Credit above the initial one that all streams of the session share, in bytes.
  package var growthBytes: Int = 64 << 20

  /// Bytes retained for sending, unacknowledged and unsent, over all streams of the session.
  package var retainedBytes: Int = 64 << 20

  /// Bytes of one stream that were taken from its socket and never sent.
  ///
  /// Enough to fill several records while the socket is being read again; more would only be
  /// standing queue.
  package var unsentStreamBytes: Int = 256 << 10

  /// Bytes that a stream may always retain, whatever the session and the process hold.
  package var guaranteedRetainedBytes: Int = 64 << 10

  /// A reader that took nothing for this long loses its stream when others need its credit.
  package var stalledReaderPatience: Duration = .seconds(10)

  /// After the peer's graceful CLOSE: how long readers have for what has already arrived.
  ///
  /// As long as a browser waits for a server that went away.
  package var lingerTime: Duration = .seconds(30)

  /// Ranges with holes between them that a stream may buffer.
  ///
  /// More than half the segments of the largest window (16 MiB of 1200 bytes) cannot be honest.
  package var reassemblyGaps: Int = 8192

  /// Frames that spend no credit: how many may come at once, and how many per second.
  ///
  /// Ten thousand short streams a second need about a fifth of it; the whole of it costs a few
  /// per cent of a core.
  package var uncreditedFrameBurst: Int = 200_000
  package var uncreditedFramesPerSecond: Int = 100_000

  /// Records of one link that may be unreported at once; the link's own window is the usual bound.
  package var unreportedRecords: Int = 65_536

  package init() {}

  /// Session credit that never blocks a stream which holds stream credit: the initial credit of
  /// every stream that may exist, and all growth.
  var sessionWindow: UInt64 {
    2 * concurrentStreams * ProtocolLimits.initialStreamCredit + UInt64(growthBytes)
  }

  /// What this side announces in HELLO or WELCOME.
  package var initialGrants: InitialGrants {
    InitialGrants(sessionBytes: sessionWindow, streams: concurrentStreams)
  }
}

/// The credit that a peer has before any CREDIT frame; carried by HELLO and WELCOME.
package struct InitialGrants: Sendable, Hashable {
  /// Bytes over all streams, the control stream not counted.
  package var sessionBytes: UInt64

  /// Streams that the receiver of these grants may open.
  package var streams: UInt64

  package init(sessionBytes: UInt64, streams: UInt64) {
    self.sessionBytes = sessionBytes
    self.streams = streams
  }
}
