/// The numbers of the model-based congestion control: chosen by the simulator's matrix unless a
/// source is named.
struct ModelledProfile {
  /// Draft BBR: 2/ln 2, the least that doubles the rate each round.
  static let startupGain = 2.885
  /// Draft BBR: while the rate is unknown, twice what it seems to need.
  static let startupWindow = 2.0
  /// A queue of an eighth of the round trip, and at least this, ends the growth.
  static let startupQueue = Span.milliseconds(4)
  /// Undoes in a round or two what startup has queued.
  static let drainGain = 0.5
  /// Draining ends after so many rounds even where others keep the queue full.
  static let drainRounds = 2
  /// Excess loss to be answered, as a share (draft BBR: 2 %).
  static let tolerance = 0.02
  /// A look for more that overflows the queue is made smaller, down to this.
  static let leastUpGain = 1.12
  /// Excess loss is averaged over so many packets.
  static let pressurePackets = 500.0
  /// A look for more that follows a successful one looks for twice as much more, up to this.
  static let mostBoldness = 4.0
  /// The rate falls at most to this share of itself at once (draft BBR's beta).
  static let leastFall = 0.7
  /// A round trip within a thirty-second of the minimum confirms it.
  static let closeness: Int64 = 32
  /// Acknowledgements come in bunches of up to this.
  static let aggregation = Span.milliseconds(10)
  /// And where they come in larger ones, up to this.
  static let mostAggregation = Span.milliseconds(40)
  /// Draft BBR: how long the path is kept half empty to measure it.
  static let probeRoundTripTime = Span.milliseconds(200)
  /// The minimum's lifetime when the queue never goes.
  static let doubtfulLifetime = Span.seconds(2)

  /// A look for more sends so much faster.
  var upGain: Double
  /// And so much slower afterwards.
  var downGain: Double
  /// Rounds between looks for more.
  var cruiseRounds: ClosedRange<Int>
  /// Draft BBR: the minimum round trip is confirmed within so long, or measured.
  var minimumLifetime = Span.seconds(10)
  /// The queue allowed, as a share of the minimum round trip, at least and at most so long.
  var queueShare: Double
  var leastQueue: Span
  var mostQueue: Span
  /// A queue is too long at so many times what is allowed; then so much of what arrives is sent.
  var longQueue: Double
  var brake: Double
  /// Sends slower while there is a queue.
  var isDelayBounded: Bool

  /// At most one bandwidth-delay product of queue.
  static let bulk = ModelledProfile(
    upGain: 1.25,
    downGain: 0.75,
    cruiseRounds: 4...6,
    queueShare: 1,
    leastQueue: .milliseconds(5),
    mostQueue: .milliseconds(300),
    longQueue: 1.5,
    brake: 0.75,
    isDelayBounded: false
  )

  /// A queue of a quarter of that.
  static let interactive = ModelledProfile(
    upGain: 1.15,
    downGain: 0.75,
    cruiseRounds: 3...5,
    queueShare: 0.25,
    leastQueue: .milliseconds(5),
    mostQueue: .milliseconds(40),
    longQueue: 1.5,
    brake: 0.75,
    isDelayBounded: true
  )

  /// The longest queue that the window allows.
  func queueTarget(_ minimum: Span) -> Span {
    min(max(minimum.scaled(by: queueShare), leastQueue), mostQueue)
  }

  /// How fast to send between looks for more.
  func cruiseGain(queue: Span, minimum: Span) -> Double {
    guard isDelayBounded else { return 1 }
    let excess = (queue - queueTarget(minimum) / 2).seconds / max(minimum.seconds, 0.001)
    return min(1, max(0.7, 1 - excess))
  }
}

/// How many rounds to cruise: chance keeps two senders from looking for more in step.
struct RoundChoices {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next(in range: ClosedRange<Int>) -> Int {
    // Steele, Lea and Flood's SplitMix64, defined modulo 2⁶⁴.
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    word ^= word >> 31
    return range.lowerBound + Int(word >> 33) % (range.upperBound - range.lowerBound + 1)
  }
}

/// What became of what was sent, by stretches of time in which it was sent with one gain.
struct EpochLedger {
  struct Epoch {
    var gain: Double
    var hadShortQueue: Bool
    var sent = 0
    var delivered = 0
    var lost = 0
    var isOpen = true

    var isSettled: Bool { !isOpen && sent <= delivered + lost }
  }

  /// Chosen: stretches are a round or less, and nothing stays undecided for so many.
  private static let limit = 32

  private var epochs = Ring<Epoch>()
  /// The number of the first one in the ring.
  private var first = 0

  init() {
    // What is sent before anything is known teaches nothing.
    epochs.append(Epoch(gain: ModelledProfile.startupGain, hadShortQueue: false))
  }

  /// Begins a stretch.
  ///
  /// - Returns: Its number.
  mutating func begin(gain: Double, hasShortQueue: Bool) -> Int {
    if var last = epochs.last {
      last.isOpen = false
      epochs.last = last
    }
    epochs.append(Epoch(gain: gain, hadShortQueue: hasShortQueue))
    if epochs.count > Self.limit {
      _ = epochs.popFirst()
      first += 1
    }
    return first + epochs.count - 1
  }

  mutating func send(_ bytes: Int) {
    if var last = epochs.last {
      last.sent += bytes
      epochs.last = last
    }
  }

  /// Notes the fate of bytes that were sent in a stretch. What was lost may be delivered later.
  mutating func settle(bytes: Int, epoch: Int, isLost: Bool) {
    epochs.update(epoch - first) { epoch in
      if isLost {
        epoch.lost += bytes
      } else {
        epoch.delivered += bytes
      }
    }
  }

  /// The oldest stretch, when all of it is decided.
  mutating func nextSettled() -> Epoch? {
    guard let oldest = epochs.first, oldest.isSettled else { return nil }
    first += 1
    return epochs.popFirst()
  }
}
