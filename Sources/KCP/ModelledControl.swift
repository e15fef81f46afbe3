internal import struct HawserPrimitives.Instant

/// A model of the path, its rate and its round trip without a queue, decides how fast to send and
/// how much may be under way; after BBR (draft-ietf-ccwg-bbr), with two differences:
///
/// - Loss is judged against what the path loses by itself (``LossBaseline``). Loss that corruption
///   explains is made up for, not shied away from; more than that, and a queue that grows, are
///   answered.
/// - A rate is measured from what was *sent* between two arrivals, since what is lost behind a
///   bottleneck has taken its time there; what arrived bounds it.
///
///     startup ──no more to gain──▶ drain ──queue gone──▶ ┌─ cruise ◀── probeDown ◀─┐
///        ▲                                               └──▶ probeUp ─────────────┘
///        └── restart, after a blackout                   any of them ⇄ probeRoundTrip
final class ModelledControl: CongestionController {
  private(set) var state = CongestionState.startup
  private(set) var window: Int
  private(set) var pacingRate = Double.infinity
  private(set) var epoch = 0

  private let profile: ModelledProfile
  private let segmentSize: Int
  private var choices: RoundChoices

  private var rate = RateFilter()
  private var latestRate = 0.0
  private var baseline = LossBaseline()
  private var epochs = EpochLedger()
  private var minimum: Span?
  private var minimumAt: Instant
  private var roundTripFloor: Span?

  private var roundEnd = 0
  private var roundMinimum: Span?
  private var averageRoundTrip: Span?
  /// The shortest round trip of the last complete round, less the shortest of all.
  private var standingQueue = Span.zero
  private var roundsInState = 0
  private var stateBegan: Instant
  private var gain: Double
  private var upGain: Double
  private var cruiseRounds = 0
  private var isFull = false
  private var hasBeenFull = false
  /// In startup: the queue has begun to grow, and a round at the measured rate tells it better.
  private var isHolding = false
  private var recentMinimum = RecentMinimum()
  private var fullRate = 0.0
  private var roundsWithoutGrowth = 0
  private var upRate = Double.infinity
  /// Looks for more grow bolder while they find more.
  private var boldness = 1.0
  private var resumed = CongestionState.cruise
  /// What is lost more than the path loses by itself while there is a queue.
  private var pressure = WeightedAverage(memory: ModelledProfile.pressurePackets)
  private var throughput = Throughput()
  private var longQueueRounds = 0

  init(profile: ModelledProfile, segmentSize: Int, seed: UInt64, at now: Instant) {
    self.profile = profile
    self.segmentSize = segmentSize
    choices = RoundChoices(seed: seed)
    window = segmentSize * KCPLimits.idleBurstPackets
    minimumAt = now
    stateBegan = now
    gain = ModelledProfile.startupGain
    upGain = profile.upGain
  }

  // MARK: - What is told

  func send(bytes: Int, inFlight: Int, at now: Instant) {
    epochs.send(bytes)
  }

  func settle(bytes: Int, epoch: Int, isLost: Bool) {
    epochs.settle(bytes: bytes, epoch: epoch, isLost: isLost)
  }

  func learn(_ report: PathReport) {
    let now = report.now
    if let sample = report.roundTrip { learnRoundTrip(sample, inFlight: report.inFlight, at: now) }
    if let sample = report.rate { learnRate(sample) }
    while let settled = epochs.nextSettled() { judge(settled) }
    if let sample = report.rate, sample.deliveredBefore >= roundEnd {
      roundEnd = report.totalDelivered
      endRound(report, isApplicationLimited: sample.isApplicationLimited)
    }
    advance(report)
    setPace()
  }

  func restart(at now: Instant) {
    rate.restart(at: rate.value / 2)
    isFull = false
    fullRate = 0
    roundsWithoutGrowth = 0
    // Wherever the packets go now, it may be another way.
    minimumAt = now - profile.minimumLifetime + ModelledProfile.doubtfulLifetime
    enter(.startup, at: now)
    gain = 1
    setPace()
  }

  // MARK: - The model

  /// Bytes on the way when the path is full and its queue is empty.
  private var product: Double {
    rate.value * (minimum ?? KCPLimits.initialRoundTrip).seconds
  }

  private func learnRoundTrip(_ sample: Span, inFlight: Int, at now: Instant) {
    averageRoundTrip = averageRoundTrip.map { ($0 * 15 + sample) / 16 } ?? sample
    roundMinimum = roundMinimum.map { min($0, sample) } ?? sample
    recentMinimum.insert(sample, flight: inFlight / segmentSize)
    if state == .probeRoundTrip {
      roundTripFloor = roundTripFloor.map { min($0, sample) } ?? sample
    }
    guard let known = minimum else {
      minimum = sample
      minimumAt = now
      return
    }
    if sample <= known {
      minimum = sample
      minimumAt = now
    } else if sample <= known + known / ModelledProfile.closeness {
      minimumAt = now
    }
  }

  private func learnRate(_ sample: RateSample) {
    let seconds = sample.interval.seconds
    let share = baseline.share
    let packets = max(1, Double(sample.delivered) / Double(segmentSize))
    // How much more than expected may have been lost by chance.
    let slack = 1 + 2 * (share / ((1 - share) * packets)).squareRoot()
    var carried = Double(sample.delivered) / seconds / (1 - share) * slack
    // With a queue the path is full, and an average over more packets leaves less to chance.
    if !hasShortQueue, let average = throughput.value { carried = average / (1 - share) }
    let measured = min(Double(sample.sent) / seconds, carried)
    latestRate = measured
    if !sample.isApplicationLimited || measured > rate.value { rate.insert(measured) }
  }

  /// What became of everything that was sent in a stretch of time with one gain.
  private func judge(_ epoch: EpochLedger.Epoch) {
    let share = baseline.share
    let packets = Double(epoch.sent) / Double(segmentSize)
    guard packets >= 1 else { return }
    let lost = Double(epoch.lost) / Double(epoch.sent)
    let chance = 2 * (share * (1 - share) / packets).squareRoot()
    let isExcessive =
      epoch.lost > 2 * segmentSize && lost > share + max(ModelledProfile.tolerance, chance)
    // Short before it and, as those found it that came after, short behind it. What is lost in a
    // queue comes on top, so that less is always news.
    let isUndisturbed = epoch.hadShortQueue && hasShortQueue && !isQueueGrowing
    if epoch.gain <= 1, isUndisturbed || epoch.gain < 0.95 && lost < share {
      baseline.learn(
        lost: epoch.lost,
        sent: epoch.sent,
        segmentSize: segmentSize,
        gain: epoch.gain
      )
    }
    if epoch.gain > 1, isFull, baseline.isKnown {
      upGain =
        isExcessive
        ? max(1 + (upGain - 1) / 2, ModelledProfile.leastUpGain)
        : min(upGain + 0.05, profile.upGain)
    }
    guard isFull, epoch.gain <= 1, !hasShortQueue else { return pressure.reset() }
    pressure.insert(lost - share, weight: packets)
    let doubt = 2 * (share * (1 - share) / pressure.weight).squareRoot()
    guard pressure.weight > ModelledProfile.pressurePackets / 4,
      pressure.value > ModelledProfile.tolerance + doubt
    else { return }
    pressure.reset()
    rate.keep(rounds: 1, floor: rate.value * ModelledProfile.leastFall)
  }

  // MARK: - Rounds

  private func endRound(_ report: PathReport, isApplicationLimited: Bool) {
    standingQueue = (roundMinimum ?? minimum ?? .zero) - (minimum ?? .zero)
    roundMinimum = nil
    roundsInState += 1
    throughput.endRound(
      delivered: report.totalDelivered,
      share: baseline.share,
      segmentSize: segmentSize,
      at: report.now
    )
    if !isApplicationLimited { rate.beginRound() }
    beginEpoch()
    switch state {
    case .startup: endStartupRound(isApplicationLimited, at: report.now)
    case .probeUp: endProbeUpRound(at: report.now)
    default: break
    }
    watchQueue()
  }

  /// The rate grows by a quarter each round until the path is full.
  private func endStartupRound(_ isApplicationLimited: Bool, at now: Instant) {
    let hasHeld = isHolding
    isHolding = false
    gain = ModelledProfile.startupGain
    guard !isApplicationLimited else { return }
    if rate.value >= fullRate * 1.25 {
      fullRate = rate.value
      roundsWithoutGrowth = 0
      return
    }
    roundsWithoutGrowth += 1
    guard roundsWithoutGrowth >= 3 || hasHeld || !hasShortQueue else { return }
    isFull = true
    hasBeenFull = true
    enter(.drain, at: now)
  }

  /// Sends no faster than was measured for a round once a queue has begun to grow: that is the time
  /// to measure, not to overflow it.
  private func watchStartup() {
    guard !isHolding, isQueueGrowing else { return }
    isHolding = true
    gain = 1
    beginEpoch()
  }

  private func endProbeUpRound(at now: Instant) {
    // What was sent faster arrives in the next round, and is judged after that.
    enter(.probeDown, at: now)
  }

  /// A queue above what the profile allows, for longer than a look for more explains: the path has
  /// become slower than the rate that is remembered.
  private func watchQueue() {
    longQueueRounds = standingQueue > queueTarget + queueTarget / 2 ? longQueueRounds + 1 : 0
    guard longQueueRounds >= 2, isFull else { return }
    longQueueRounds = 0
    rate.keep(rounds: 2, floor: rate.value * ModelledProfile.leastFall)
  }

  private var queueTarget: Span { profile.queueTarget(minimum ?? .zero) }

  // MARK: - States

  private func advance(_ report: PathReport) {
    let now = report.now
    switch state {
    case .startup: watchStartup()
    case .drain, .probeDown:
      let isDrained = Double(report.inFlight) <= product
      if isDrained || roundsInState >= ModelledProfile.drainRounds { cruise(at: now) }
    case .probeUp:
      // A round of nothing but losses must not last.
      if now.since(stateBegan) > (minimum ?? .zero) * 8 { enter(.probeDown, at: now) }
    case .cruise:
      if roundsInState >= cruiseRounds || roundsInState == 1 && hasGrown { lookForMore(at: now) }
    case .probeRoundTrip: endProbeRoundTrip(report)
    default: break
    }
    let isDoubtful = standingQueue > (minimum ?? .zero) / 4
    let lifetime = isDoubtful ? ModelledProfile.doubtfulLifetime : profile.minimumLifetime
    if isFull, state != .probeRoundTrip, now.since(minimumAt) > lifetime {
      roundTripFloor = nil
      enter(.probeRoundTrip, at: now)
    }
  }

  /// The last look for more has found more, and no queue: there may be much more.
  private var hasGrown: Bool { hasShortQueue && rate.value > upRate * 1.1 }

  private func lookForMore(at now: Instant) {
    boldness = hasGrown ? min(boldness * 2, ModelledProfile.mostBoldness) : 1
    upRate = rate.value
    enter(.probeUp, at: now)
  }

  private func cruise(at now: Instant) {
    cruiseRounds = choices.next(in: profile.cruiseRounds)
    enter(.cruise, at: now)
  }

  private func endProbeRoundTrip(_ report: PathReport) {
    let now = report.now
    let length = max(ModelledProfile.probeRoundTripTime, minimum ?? .zero)
    guard now.since(stateBegan) > length, roundsInState >= 1, let floor = roundTripFloor else {
      return
    }
    minimum = floor
    minimumAt = now
    cruise(at: now)
  }

  private func enter(_ next: CongestionState, at now: Instant) {
    state = next
    stateBegan = now
    roundsInState = 0
    switch next {
    case .drain: gain = ModelledProfile.drainGain
    case .probeUp: gain = 1 + (upGain - 1) * boldness
    case .probeDown: gain = profile.downGain
    case .startup: gain = ModelledProfile.startupGain
    default: gain = 1
    }
    beginEpoch()
  }

  private func beginEpoch() {
    epoch = epochs.begin(gain: gain, hasShortQueue: hasShortQueue && state != .startup)
  }

  /// The last few round trips all say that the queue is longer than a look for more makes it: what
  /// is remembered of the rate does not hold any more.
  private var isQueueLong: Bool {
    guard isFull, state != .probeRoundTrip, let minimum, let recent = recentMinimum.value else {
      return false
    }
    return recent - minimum > queueTarget.scaled(by: profile.longQueue)
  }

  private var hasShortQueue: Bool {
    // Two packets are on their way through the bottleneck, not in its queue.
    let packets = Span(seconds: 2 * Double(segmentSize) / max(rate.value, 1))
    let minimum = minimum ?? .zero
    return standingQueue <= max(minimum / 8, min(packets, minimum / 5))
  }

  /// How long acknowledgements are kept and sent in a bunch: what the average round trip is longer
  /// than the shortest one of the same time.
  private var aggregation: Span {
    let spread = (averageRoundTrip ?? .zero) - (minimum ?? .zero) - standingQueue
    return min(max(spread * 2, ModelledProfile.aggregation), ModelledProfile.mostAggregation)
  }

  /// The last few round trips were all long.
  private var isQueueGrowing: Bool {
    guard let minimum, let recent = recentMinimum.value else { return false }
    return recent - minimum > max(minimum / 8, ModelledProfile.startupQueue)
  }

  private func setPace() {
    guard rate.value > 0, let minimum else { return }
    var pace = gain
    if state == .cruise { pace = profile.cruiseGain(queue: standingQueue, minimum: minimum) }
    var carried = rate.value
    if isQueueLong {
      carried = min(carried, latestRate)
      pace = min(pace, profile.brake)
    }
    pacingRate = max(carried * pace, Double(segmentSize) / 0.1)
    // Until the path has been filled, what was measured may be what there was to send.
    if !hasBeenFull {
      let initial = Double(segmentSize * KCPLimits.idleBurstPackets) / minimum.seconds
      pacingRate = max(pacingRate, gain * initial)
    }
    let allowed = minimum.seconds + queueTarget.seconds + aggregation.seconds
    var target = carried * allowed
    switch state {
    case .startup: target = max(Double(window), target * ModelledProfile.startupWindow)
    case .probeRoundTrip: target = product / 2
    default: break
    }
    window = max(Int(target), segmentSize * 4)
  }
}
