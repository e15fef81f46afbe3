package import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// One end of a KCP conversation: reliable segments over datagrams that may be lost, repeated and
/// reordered. Wire-compatible with ikcp.c; what is different is not on the wire.
///
/// No sockets, no clock: whoever drives it passes datagrams and the time in, and takes datagrams,
/// messages, events and the next deadline out. After any call that may have changed something:
///
///     while connection.nextTransmission(into: &datagram, at: now) { send it }  // ① what waits
///     let room = connection.recordAllowance(at: now)                  // ② the user's turn
///     if room > 0, a record of at most `room` bytes is there {
///       try connection.send(record, record: number, at: now); again from ①
///     }
///     while let message = connection.nextMessage(at: now) { take it }        // ③ then ① again
///     while let event = connection.nextEvent() { … }
///     set the one timer to connection.nextDeadline, which calls deadlineReached(at:), then ①
///
/// Records are *pulled*: ② says yes only when the congestion control and the pacing let a record
/// leave at once, so that what is urgent is decided as late as possible. A record is acknowledged
/// only after ③ has taken it. In message and stream mode `send` takes as much as the queue holds,
/// and ② is not needed.
///
/// The files: +Inbound takes datagrams, +Outbound makes them, +Time has the timers, +Application is
/// the user's side. Everything is O(1) amortised, but for an acknowledgement of ranges, which is
/// O(what it tells anew).
package struct KCPConnection: ~Copyable {
  package let configuration: KCPConfiguration
  /// The largest datagram that is made, in bytes.
  package internal(set) var datagramSize: Int
  /// The link is dead: nothing is sent any more.
  package internal(set) var isDead = false

  // Outbound.
  var queue = SendQueue()
  var outgoing: SendWindow
  var log: TransmissionLog
  var controller: any CongestionController
  var pacer = Pacer()
  var roundTrip = RoundTripEstimator()
  var detection = LossDetection()
  var peerWindow: PeerWindow
  /// Numbers of segments that are to be sent again, in the order of loss; some may have arrived.
  var lost = Ring<Int>()
  /// Numbers of segments that go out at once, whatever the window, to provoke an answer.
  var probes = Ring<Int>()
  /// Second copies that wait for a datagram of their own.
  var duplicates = Ring<Int>()
  /// Transmissions taken for lost of late, by number, in case they have only been late.
  var recentlyLost = Ring<Int>()
  /// Segments too large for the present datagram size, whose replacement the user was asked for.
  var oversized: [RecordNumber: Int] = [:]
  /// Transmissions below it were under way in a blackout: their loss says nothing of congestion.
  var blackoutEnd = 0
  var lastSentAt = Instant.origin

  // Inbound.
  var incoming: ReceiveWindow
  var acknowledgements: Acknowledgements
  var mustAskWindow = false
  var mustTellWindow = false
  /// The window that the peer was told last.
  var toldWindow: UInt16
  /// How often the opened window is still to be told, and when next.
  var reminders = 0
  var reminderDeadline: Instant?
  /// When to ask for a shut window.
  var windowProbeDeadline: Instant?
  /// The number after the highest record that the user has taken.
  var takenEnd: Int
  var lastHeardAt: Instant
  /// Since when data has been waiting for an answer.
  var waitingSince: Instant?

  // The user's side.
  var events = Ring<KCPEvent>()
  var owesWritable = false
  /// The user was offered to send and has not done so yet.
  var isOfferOpen = false
  /// The user was refused because of pacing alone, and is to be asked again.
  var owesOffer = false
  var counters = KCPStatistics()

  /// - Parameters:
  ///   - configuration: Both ends use the same `conversationID`, service and formats.
  ///   - now: The present.
  package init(configuration: KCPConfiguration, at now: Instant) {
    self.configuration = configuration
    datagramSize = min(
      max(configuration.datagramSize, KCPLimits.minimumDatagramSize),
      KCPLimits.maximumDatagramSize
    )
    let first = Int(configuration.firstSequenceNumber)
    outgoing = SendWindow(first: first)
    log = TransmissionLog(first: Int(configuration.firstTransmission))
    controller = configuration.congestionControl.controller(
      segmentSize: datagramSize + configuration.datagramOverhead,
      seed: configuration.seed,
      at: now
    )
    peerWindow = PeerWindow(first: first, size: configuration.peerWindow)
    incoming = ReceiveWindow(
      first: first,
      size: min(max(configuration.receiveWindow, 1), KCPLimits.advertisedWindow),
      order: configuration.service == .records ? .onArrival : .inOrder
    )
    toldWindow = incoming.advertised
    takenEnd = first
    acknowledgements = Acknowledgements(format: configuration.acknowledgements)
    lastHeardAt = now
    if let known = configuration.initialRoundTrip, known > .zero {
      roundTrip.measure(Span(known), delay: .zero, at: now)
    }
  }

  /// The largest payload of one segment, in bytes.
  package var segmentSize: Int { datagramSize - SegmentHeader.byteCount }

  /// Counters and measurements.
  package var statistics: KCPStatistics {
    var statistics = counters
    statistics.smoothedRoundTrip = roundTrip.smoothed.map { Duration($0) }
    statistics.roundTripVariation = Duration(roundTrip.variation)
    statistics.minimumRoundTrip = roundTrip.minimum.value.map { Duration($0) }
    statistics.congestion = controller.state
    statistics.pacingRate = controller.pacingRate
    statistics.window = controller.window
    statistics.bytesInFlight = log.bytesInFlight
    statistics.bytesBuffered = outgoing.bytesRetained + queue.byteCount
    return statistics
  }

  /// The smoothed round trip; nothing before the first measurement.
  package var smoothedRoundTrip: Duration? { roundTrip.smoothed.map { Duration($0) } }

  /// Whether everything that was sent has been acknowledged.
  package var isDrained: Bool { outgoing.span == 0 && queue.isEmpty }

  /// How long an acknowledgement of ours, or one of a peer that is like us, may wait.
  var acknowledgementDelay: Span {
    guard let smoothed = roundTrip.smoothed else { return KCPLimits.acknowledgementDelay / 2 }
    return min(smoothed / 8, KCPLimits.acknowledgementDelay)
  }

  /// How long the peer may keep an acknowledgement.
  var peerDelay: Span {
    max(acknowledgementDelay, KCPLimits.acknowledgementDelay / 2)
  }

  /// The fields that every segment of this moment has.
  mutating func header(_ command: SegmentCommand) -> SegmentHeader {
    toldWindow = incoming.advertised
    return SegmentHeader(
      conversationID: configuration.conversationID,
      command: command,
      window: toldWindow,
      unacknowledged: UInt32(truncatingIfNeeded: incoming.next)
    )
  }
}
