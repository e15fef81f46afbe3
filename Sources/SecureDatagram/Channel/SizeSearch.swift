internal import HawserPrimitives

/// How large a datagram a path carries (RFC 8899), as bytes of UDP payload.
///
///                 ┌── probe answered: larger ──┐     nothing larger within a step
///     base ──▶ searching ◀────────────────────┘ ──────────────▶ settled
///                 │  probe lost 5 times: smaller                  │  large datagrams are sent:
///                 │                                               ▼  every 5 s, or on suspicion
///                 └──────── lost 5 times: back to base ◀────── confirming ──▶ answered: settled
///
/// Probes are datagrams of their own that carry nothing else, so a lost one costs nobody anything.
/// That one is lost says something only if the peer is heard at all, so a ping goes with the first
/// of a size, and pings alone while there is silence. Nothing wakes up once a size is settled.
struct SizeSearch {
  /// What has to be sent now.
  enum Step: Equatable {
    /// A probe, and the size of the whole datagram.
    case probe(number: UInt64, bytes: Int)
    case ping
  }

  private struct Outstanding {
    let bytes: Int
    /// The numbers of its first and its newest probe; `nil` while none was sent.
    var numbers: ClosedRange<UInt64>?
    var sent = 0
    var wasPinged = false
    /// The time between two pings into a silence.
    var pause: Duration = .seconds(1)
    /// Whether the peer was heard after the first probe was sent: a silent path says nothing
    /// about sizes.
    var wasHeard = false
    let isConfirmation: Bool
  }

  private enum Phase {
    case searching
    case settled
  }

  /// The largest size that is known to pass.
  private(set) var bytes = DatagramLimits.baseDatagramBytes
  /// The smallest size that is believed not to pass.
  private var tooLarge: Int
  private let limit: Int
  private var phase = Phase.searching
  private var outstanding: Outstanding?
  /// When the outstanding probe is sent (again).
  private(set) var deadline: Instant?
  private var confirmed: Instant?
  private var settledAt: Instant?

  /// Begins a search up to `limit`, the largest datagram that the interface takes, in bytes of UDP
  /// payload; below ``DatagramLimits/baseDatagramBytes`` there is nothing to search.
  init(limit: Int, at now: Instant) {
    self.limit = min(limit, DatagramLimits.maximumDatagramBytes)
    tooLarge = self.limit + 1
    search(at: now)
  }

  /// What is due.
  ///
  /// `number` is the next probe's, counted over all paths of a channel, so that an answer is never
  /// taken for one from another path.
  mutating func nextStep(
    at now: Instant,
    roundTrip: Duration,
    number: inout UInt64
  ) -> Step? {
    guard let deadline, now >= deadline, var probe = outstanding else { return nil }
    if !probe.wasPinged {
      probe.wasPinged = true
      outstanding = probe
      return .ping
    }
    if probe.sent >= DatagramLimits.sizeProbes {
      if probe.wasHeard {
        fail(probe, at: now)
        return nextStep(at: now, roundTrip: roundTrip, number: &number)
      }
      self.deadline = now + probe.pause
      probe.pause = min(probe.pause * 2, DatagramLimits.longestSizePause)
      outstanding = probe
      return .ping
    }
    self.deadline = now + max(roundTrip * 3, DatagramLimits.minimumRepetition)
    probe.sent += 1
    probe.numbers = (probe.numbers?.lowerBound ?? number)...number
    outstanding = probe
    defer { number += 1 }
    return .probe(number: number, bytes: probe.bytes)
  }

  /// The peer has got a probe.
  mutating func acknowledged(_ number: UInt64, at now: Instant) {
    guard let probe = outstanding, probe.numbers?.contains(number) == true else { return }
    outstanding = nil
    deadline = nil
    confirmed = now
    bytes = max(bytes, probe.bytes)
    if phase == .searching { search(at: now) }
  }

  /// Something authentic came from the peer.
  mutating func heard(at now: Instant) {
    guard var probe = outstanding, !probe.wasHeard, probe.wasPinged else { return }
    probe.wasHeard = true
    if probe.sent >= DatagramLimits.sizeProbes {
      // All of them went into a silence that is over now, and say nothing.
      probe.sent = 0
      deadline = now
    }
    outstanding = probe
  }

  /// A datagram of data is sent; now and then that is a reason to look again.
  mutating func sent(bytes count: Int, at now: Instant) {
    guard outstanding == nil else { return }
    if let settledAt, now - settledAt >= DatagramLimits.sizeRaiseInterval {
      tooLarge = limit + 1
      phase = .searching
      search(at: now)
    } else if count > DatagramLimits.baseDatagramBytes, let confirmed,
      now - confirmed >= DatagramLimits.sizeConfirmationInterval
    {
      confirm(at: now)
    }
  }

  /// Large datagrams seem to get lost: looks at once whether their size still passes.
  mutating func suspectBlackHole(at now: Instant) {
    guard bytes > DatagramLimits.baseDatagramBytes, outstanding?.isConfirmation != true else {
      return
    }
    confirm(at: now)
  }

  private mutating func confirm(at now: Instant) {
    outstanding = Outstanding(bytes: bytes, isConfirmation: true)
    deadline = now
  }

  private mutating func search(at now: Instant) {
    guard tooLarge - bytes > DatagramLimits.sizeSearchStep else {
      phase = .settled
      settledAt = now
      return
    }
    // The limit itself first: most paths carry it, and then there is nothing to search.
    let candidate = tooLarge == limit + 1 ? limit : (bytes + tooLarge) / 2
    outstanding = Outstanding(bytes: candidate, isConfirmation: false)
    deadline = now
  }

  private mutating func fail(_ probe: Outstanding, at now: Instant) {
    outstanding = nil
    deadline = nil
    tooLarge = probe.bytes
    if probe.isConfirmation {
      bytes = DatagramLimits.baseDatagramBytes
      phase = .searching
    }
    search(at: now)
  }
}
