/// The module's constants: *specified* ones with their source, *chosen* ones with their reason.
package enum KCPLimits {
  /// Specified (ikcp.c, `IKCP_WND_RCV`): what a stock peer's window is until it says otherwise.
  package static let stockWindow = 128
  /// Specified: `wnd` has 16 bits.
  package static let advertisedWindow = 65535
  /// Specified: `frg` has 8 bits and counts down to 0.
  package static let fragments = 256

  /// Chosen: 100 Mbit/s over 300 ms at 30 % loss has about 27,000 segments between the lowest hole
  /// and the newest one. Slots are made as they are needed.
  package static let window = 32768
  /// Chosen: the payload of a datagram that every path carries.
  package static let datagramSize = 1200
  /// Chosen: below this a segment would be mostly header; no path is as narrow.
  package static let minimumDatagramSize = 128
  /// Chosen: what fits a UDP datagram over IPv4 (65,507), less what seals it.
  package static let maximumDatagramSize = 65_400
  /// Chosen: bytes that wait for the window in message and stream mode before `send` refuses.
  package static let queueByteCount = 1 << 20

  /// Specified (RFC 9002 §6.1.2): the timer granularity below which nothing is awaited.
  static let granularity = Span.milliseconds(1)
  /// Specified (RFC 6298 §2.1), shortened as RFC 9002 §6.2.2 does: before the first measurement.
  static let initialRoundTrip = Span.milliseconds(250)

  /// Chosen: an acknowledgement waits at most this long (and srtt/8).
  static let acknowledgementDelay = Span.milliseconds(10)
  /// Chosen: or for this many segments.
  static let acknowledgementPackets = 4
  /// Chosen: lost acknowledgements cost up to a quarter of goodput; eight numbers said twice do
  /// not.
  static let repeatedAcknowledgements = 8

  /// Chosen: while data waits and nothing is heard, something is sent at least this often, so that
  /// a blackout of any length costs at most this and a round trip more.
  static let probeInterval = Span.milliseconds(200)
  /// Chosen: for so long; a link that is silent for longer is asked less often.
  static let eagerProbing = Span.seconds(60)
  /// Chosen: from then on.
  static let patientProbeInterval = Span.seconds(1)
  /// Chosen: silence after this many probes without an answer is a blackout, not a loss.
  static let blackoutProbes = 3

  /// Chosen: a window that was told after having been shut is told again this often.
  static let windowReminders = 4

  /// Chosen: what may leave at once after idleness (RFC 6928's initial window).
  static let idleBurstPackets = 10
  /// Chosen: what a late timer may catch up, and the finest step of pacing.
  static let burst = Span.milliseconds(2)
  /// Chosen: pacing waits for about this much to send at once, so that timers stay rare.
  static let pacingQuantum = Span.milliseconds(1)

  /// Chosen: transmissions whose fate is open or that may turn out to have been spurious; at
  /// 100 Mbit/s this is 26 s.
  static let transmissions = 1 << 18

  /// Chosen: transmissions back to which a loss may turn out to have been lateness.
  static let rememberedLosses = 1 << 13
  /// Chosen: with more transmissions under way than this, traffic is not small, and later ones find
  /// what is lost.
  static let smallFlight = 32

  /// Chosen (as thin streams are told elsewhere): with so few under way nothing later tells of a
  /// loss soon enough.
  static let thinFlight = 4

  /// Chosen: the longest reordering that is waited for, as a multiple of the smoothed round trip.
  /// RFC 8985 §6.2 allows one.
  static let reorderingRoundTrips = 1.0
}
