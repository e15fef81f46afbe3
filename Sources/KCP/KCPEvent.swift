package import struct HawserPrimitives.RecordNumber

/// What the user of a connection is told.
package enum KCPEvent: Hashable, Sendable {
  /// The peer has the record, in record mode.
  case delivered(RecordNumber)
  /// The queue that had refused something has room again.
  case writable
  /// A segment of this record has become larger than a datagram may be, and was lost: to be
  /// replaced by a part of it, with ``KCPConnection/replace(record:with:)``.
  case oversized(RecordNumber)
  /// Nothing was heard for as long as the configuration allows while data waited. Nothing is sent
  /// any more. The last event.
  case dead(KCPDeath)
}

/// Why a connection is dead.
package enum KCPDeath: Hashable, Sendable {
  /// The peer was silent.
  case silence
  /// The path loses most of what a fixed rate sends.
  case rateNotCarried
}

/// Counters and measurements of a connection.
package struct KCPStatistics: Sendable {
  /// The smoothed round trip; nothing before the first measurement.
  package var smoothedRoundTrip: Duration?
  /// Its mean deviation.
  package var roundTripVariation = Duration.zero
  /// The shortest of late.
  package var minimumRoundTrip: Duration?
  /// What the congestion control does.
  package var congestion = CongestionState.startup
  /// Bytes per second at which data leaves; infinite when it is not paced.
  package var pacingRate = 0.0
  /// Bytes that may be under way.
  package var window = 0
  /// Bytes under way.
  package var bytesInFlight = 0
  /// Bytes kept for sending again, and bytes that wait to be sent for the first time.
  package var bytesBuffered = 0

  /// Segments that were sent, each counted once.
  package var segmentsSent = 0
  /// Transmissions of segments.
  package var transmissions = 0
  /// Segments sent again because they were taken for lost.
  package var retransmissions = 0
  /// Transmissions that were taken for lost and had arrived or did later.
  package var spuriousLosses = 0
  /// Transmissions that were taken for lost.
  package var losses = 0
  /// Segments sent again to provoke an acknowledgement.
  package var probes = 0
  /// Second copies sent by choice.
  package var duplicates = 0
  /// Silences that ended.
  package var blackouts = 0

  /// Segments with data that arrived for the first time.
  package var segmentsReceived = 0
  /// Segments with data that had arrived before.
  package var duplicatesReceived = 0
  /// Segments beyond the window, which the peer must not send.
  package var segmentsRefused = 0
  /// Bytes of data in all datagrams sent.
  package var bytesSent = 0
  /// Bytes of payload that the peer has acknowledged.
  package var bytesDelivered = 0
  /// Acknowledgements that named something never sent.
  package var nonsenseAcknowledgements = 0

  package init() {}
}
