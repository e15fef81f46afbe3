internal import struct HawserPrimitives.Instant

/// What of the loss is the path's own doing and not ours: the share that is lost while we send no
/// faster than the path carries and its queue is short.
///
/// Loss by corruption does not depend on how fast we send, loss by overflow does. So the share is
/// measured at the path's rate and, apart, below it; where less is lost below, only that counts. A
/// sender that is too fast for a path without a queue can't take its own overflow for corruption.
struct LossBaseline {
  /// Chosen: 2,000 packets tell 10 % from 11.4 %.
  private static let memory = 2000.0

  private var cruising = WeightedAverage(memory: memory)
  private var draining = WeightedAverage(memory: memory / 4)

  /// The share of bytes, 0 to ``limit``.
  var share: Double {
    guard draining.weight > 0 else { return cruising.value }
    let slack = 2 * (draining.value * (1 - draining.value) / draining.weight).squareRoot()
    let bound = draining.value + slack + 1 / draining.weight
    return cruising.weight > 0 ? min(cruising.value, bound) : draining.value
  }

  /// Whether it stands on enough packets to judge by.
  var isKnown: Bool { cruising.weight >= 100 }

  /// Chosen: a path that loses more than half is not worth following.
  static let limit = 0.5

  /// Notes a round.
  ///
  /// `gain`: how fast it was sent, as a multiple of the path's rate; at most 1.
  mutating func learn(lost: Int, sent: Int, segmentSize: Int, gain: Double) {
    guard sent > 0 else { return }
    let packets = Double(sent) / Double(segmentSize)
    let share = min(Double(lost) / Double(sent), Self.limit)
    if gain < 0.95 {
      draining.insert(share, weight: packets)
    } else {
      cruising.insert(share, weight: packets)
    }
  }
}

/// An average whose memory is a number of packets.
struct WeightedAverage {
  private let memory: Double
  private(set) var value = 0.0
  /// Packets that it stands on.
  private(set) var weight = 0.0

  init(memory: Double) {
    self.memory = memory
  }

  mutating func insert(_ sample: Double, weight added: Double) {
    guard added > 0 else { return }
    weight = min(weight + added, memory)
    value += (sample - value) * min(1, added / weight)
  }

  mutating func reset() {
    value = 0
    weight = 0
  }
}

/// How much arrives, over so many packets that chance leaves about 2 % of doubt.
struct Throughput {
  /// Bytes per second; nothing before the first round.
  private(set) var value: Double?
  private var deliveredBefore = 0
  private var began: Instant?

  /// `delivered`: all bytes so far.
  /// `share`: what the path loses by itself.
  mutating func endRound(delivered: Int, share: Double, segmentSize: Int, at now: Instant) {
    defer {
      deliveredBefore = delivered
      began = now
    }
    guard let began, now > began else { return }
    let seconds = now.since(began).seconds
    let sample = Double(delivered - deliveredBefore) / seconds
    let packets = Double(delivered - deliveredBefore) / Double(segmentSize)
    let needed = share / (1 - share) / 0.0004
    let weight = min(1, max(packets, 1) / max(needed, 1))
    value = value.map { $0 + (sample - $0) * weight } ?? sample
  }
}
