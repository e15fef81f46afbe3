internal import HawserPrimitives

/// A direction of a path at work: says when a packet that enters it comes out, if it does.
struct SimulatedPath {
  /// Packets enter in the order of time; each comes out at none, one or two instants.
  enum Fate {
    /// The queue was full.
    case dropped
    /// Behind the queue.
    case lost
    case arrives(Instant, again: Instant?)
  }

  private(set) var plan: PathPlan
  private var generator: SeededGenerator
  private var busyUntil = Instant.origin
  private var opportunity = 0
  private var opportunityBytes = 0
  private var queued = QueuedBytes()
  private var isBurst = false
  private var burstChange = Instant.origin
  private var nextStep = 0
  /// How long packets waited for the bottleneck.
  private(set) var queueDelays = Distribution()
  private(set) var dropped = 0
  private(set) var entered = 0

  init(plan: PathPlan, seed: UInt64) {
    self.plan = plan
    generator = SeededGenerator(seed: seed)
  }

  /// `size`: in bytes, all headers included.
  mutating func enter(_ size: Int, measured: Bool, at now: Instant) -> Fate {
    applySteps(until: now)
    entered += 1
    if isBlackedOut(now) { return .lost }
    queued.release(until: now)
    guard queued.bytes + size <= plan.queueByteCount else {
      dropped += 1
      return .dropped
    }
    let departure = departure(of: size, at: now)
    queued.append(size, until: departure)
    if measured { queueDelays.insert(departure - now) }
    guard !isLost(at: departure) else { return .lost }
    let arrival = departure + plan.delay + extraDelay()
    guard generator.below(10_000) < plan.duplicated else { return .arrives(arrival, again: nil) }
    return .arrives(arrival, again: arrival + .milliseconds(generator.integer(in: 0...20)))
  }

  private mutating func departure(of size: Int, at now: Instant) -> Instant {
    guard let trace = plan.trace else {
      let start = max(busyUntil, now)
      busyUntil = start + .nanoseconds(Int64(Double(size) / plan.bytesPerSecond * 1e9))
      return busyUntil
    }
    var rest = size
    while rest > 0 {
      if opportunityBytes == 0 || time(of: opportunity, in: trace) < now {
        opportunity += opportunityBytes == 0 ? 1 : 0
        skipPast(now, in: trace)
        opportunityBytes = CellularTrace.opportunityByteCount
      }
      let part = min(rest, opportunityBytes)
      opportunityBytes -= part
      rest -= part
    }
    return time(of: opportunity, in: trace)
  }

  private mutating func skipPast(_ now: Instant, in trace: CellularTrace) {
    let period = Int64(trace.period) * 1_000_000
    let turns = Int(now.nanoseconds / period)
    opportunity = max(opportunity, turns * trace.milliseconds.count)
    while time(of: opportunity, in: trace) < now { opportunity += 1 }
  }

  private func time(of opportunity: Int, in trace: CellularTrace) -> Instant {
    let (turn, index) = opportunity.quotientAndRemainder(dividingBy: trace.milliseconds.count)
    return Instant(nanoseconds: Int64(turn * trace.period + trace.milliseconds[index]) * 1_000_000)
  }

  private mutating func isLost(at instant: Instant) -> Bool {
    if isBlackedOut(instant) { return true }
    if plan.loss > 0, generator.below(10_000) < plan.loss { return true }
    guard let bursts = plan.bursts else { return false }
    while burstChange <= instant {
      isBurst.toggle()
      let mean = isBurst ? bursts.length : bursts.every
      burstChange = burstChange + exponential(mean: mean)
    }
    return isBurst && generator.below(10_000) < bursts.loss
  }

  private mutating func exponential(mean: Duration) -> Duration {
    // The sum of twelve uniform numbers less six is nearly normal; its half square, twice over, is
    // nearly exponential, and needs no logarithm, whose last digit differs between machines.
    let squares = (0..<2).map { _ -> Double in
      let sum = (0..<12).reduce(0.0) { sum, _ in sum + Double(generator.below(1 << 30)) }
      let normal = sum / Double(1 << 30) - 6
      return normal * normal
    }
    return mean * ((squares[0] + squares[1]) / 2)
  }

  private mutating func extraDelay() -> Duration {
    var extra = Duration.zero
    if plan.jitter > .zero { extra += generator.duration(in: .zero...plan.jitter) }
    if plan.reordered > 0, generator.below(10_000) < plan.reordered { extra += plan.lateness }
    return extra
  }

  private func isBlackedOut(_ instant: Instant) -> Bool {
    let time = instant - .origin
    return plan.blackouts.contains { $0.start <= time && time < $0.end }
  }

  private mutating func applySteps(until now: Instant) {
    while nextStep < plan.steps.count, plan.steps[nextStep].at <= now - .origin {
      switch plan.steps[nextStep].change {
      case .rate(let rate):
        if busyUntil > now {
          busyUntil = now + (busyUntil - now) * (plan.bytesPerSecond / rate)
        }
        plan.bytesPerSecond = rate
      case .delay(let delay): plan.delay = delay
      case .loss(let loss): plan.loss = loss
      }
      nextStep += 1
    }
  }
}

/// What waits for the bottleneck.
private struct QueuedBytes {
  private var waiting: [(size: Int, until: Instant)] = []
  private var first = 0
  private(set) var bytes = 0

  mutating func append(_ size: Int, until departure: Instant) {
    waiting.append((size, departure))
    bytes += size
  }

  mutating func release(until now: Instant) {
    while first < waiting.count, waiting[first].until <= now {
      bytes -= waiting[first].size
      first += 1
    }
    if first > 4096, first * 2 > waiting.count {
      waiting.removeFirst(first)
      first = 0
    }
  }
}

/// Times, by their rank.
package struct Distribution: Sendable {
  private var nanoseconds: [Int64] = []

  package init() {}

  package var count: Int { nanoseconds.count }

  package mutating func insert(_ time: Duration) {
    nanoseconds.append(time.wholeNanoseconds)
  }

  /// The value below which a share of the values lies; zero when there are none. O(n log n).
  ///
  /// `share`: 0 to 1.
  package func quantile(_ share: Double) -> Duration {
    guard !nanoseconds.isEmpty else { return .zero }
    let sorted = nanoseconds.sorted()
    let index = Int((Double(sorted.count - 1) * min(max(share, 0), 1)).rounded())
    return .nanoseconds(sorted[index])
  }
}
