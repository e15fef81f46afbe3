internal import HawserPrimitives

/// A TCP beside ours: enough of one to take and leave its share of a queue as the real ones do.
/// Every packet is acknowledged by itself, and what is lost is known when three later ones arrived.
package enum Competitor: Sendable {
  /// RFC 9438.
  case cubic
  /// BBR as in draft-cardwell-iccrg-bbr-congestion-control-00, its first version.
  case bbr
}

/// The sender of a competitor; packets are numbered and never sent again: what is lost is new data
/// later, so that everything that arrives counts.
final class CompetingFlow {
  static let packetSize = 1500
  private static let payload = 1448

  let kind: Competitor
  let start: Duration
  private(set) var bytesReceived = 0
  private var sent: [(at: Instant, delivered: Int, deliveredAt: Instant)] = []
  private var isOpen: [Bool] = []
  private var oldest = 0
  private var highest = -1
  private var inFlight = 0
  private var delivered = 0
  private var deliveredAt = Instant.origin
  private var cubic = CubicWindow()
  private var bbr = BBRModel()
  private var nextSend = Instant.origin
  private var lastProgress = Instant.origin
  var timer: Instant?

  init(_ kind: Competitor, start: Duration) {
    self.kind = kind
    self.start = start
  }

  /// Takes a packet to send now, if one may leave.
  ///
  /// - Returns: Its number.
  func nextPacket(at now: Instant) -> Int? {
    let window = kind == .cubic ? cubic.window : bbr.window
    guard inFlight < max(1, Int(window)), nextSend <= now else { return nil }
    if kind == .bbr {
      nextSend = max(nextSend, now) + .nanoseconds(Int64(1e9 / bbr.pacingRate))
    }
    if inFlight == 0 {
      deliveredAt = now
      lastProgress = now
    }
    sent.append((now, delivered, deliveredAt))
    isOpen.append(true)
    inFlight += 1
    return sent.count - 1
  }

  /// When to try again.
  var deadline: Instant {
    let timeout = lastProgress + .seconds(1)
    let window = kind == .cubic ? cubic.window : bbr.window
    return inFlight < Int(window) ? min(max(nextSend, lastProgress), timeout) : timeout
  }

  /// Takes everything for lost after a second of silence.
  func deadlineReached(at now: Instant) {
    guard inFlight > 0, now - lastProgress >= .seconds(1) else { return }
    for number in oldest..<sent.count { isOpen[number] = false }
    oldest = sent.count
    inFlight = 0
    lastProgress = now
    cubic.timeOut()
  }

  func packetArrived() {
    bytesReceived += Self.payload
  }

  func acknowledge(_ number: Int, at now: Instant) {
    lastProgress = now
    guard isOpen[number] else { return }
    isOpen[number] = false
    inFlight -= 1
    delivered += 1
    deliveredAt = now
    highest = max(highest, number)
    let packet = sent[number]
    var losses = 0
    while oldest < sent.count, !isOpen[oldest] || oldest < highest - 2 {
      if isOpen[oldest] {
        isOpen[oldest] = false
        inFlight -= 1
        losses += 1
      }
      oldest += 1
    }
    let roundTrip = now - packet.at
    switch kind {
    case .cubic:
      if losses > 0 {
        cubic.lose(sentAt: packet.at, at: now)
      } else {
        cubic.grow(roundTrip, at: now)
      }
    case .bbr:
      let interval = now - packet.deliveredAt
      bbr.learn(
        rate: Double(delivered - packet.delivered) / max(interval / .seconds(1), 1e-6),
        roundTrip: roundTrip,
        isNewRound: packet.delivered >= bbr.roundEnd,
        delivered: delivered,
        inFlight: inFlight,
        at: now
      )
    }
  }
}

/// CUBIC's window, in packets.
private struct CubicWindow {
  private(set) var window = 10.0
  private var threshold = Double.infinity
  private var largest = 0.0
  private var epoch: Instant?
  private var cutAt = Instant.origin
  private var time = 0.0

  mutating func grow(_ roundTrip: Duration, at now: Instant) {
    if window < threshold {
      window += 1
      return
    }
    let start = epoch ?? now
    if epoch == nil {
      epoch = start
      largest = max(largest, window)
      time = cubeRoot(max(0, largest - window) / 0.4)
    }
    let elapsed = (now - start + roundTrip) / .seconds(1)
    let distance = elapsed - time
    let target = 0.4 * distance * distance * distance + largest
    let reno = window + 0.53 / window
    window = max(reno, window + max(0, min(target, window * 1.5) - window) / window)
  }

  mutating func lose(sentAt: Instant, at now: Instant) {
    // Once for each flight.
    guard sentAt >= cutAt else { return }
    cutAt = now
    largest = window < largest ? window * 0.85 : window
    window = max(2, window * 0.7)
    threshold = window
    epoch = now
    time = cubeRoot(max(0, largest - window) / 0.4)
  }

  mutating func timeOut() {
    threshold = max(2, window / 2)
    window = 1
    epoch = nil
  }

  private func cubeRoot(_ value: Double) -> Double {
    guard value > 0 else { return 0 }
    var root = max(1, value / 3)
    for _ in 0..<60 { root = (2 * root + value / (root * root)) / 3 }
    return root
  }
}

/// BBR's model, in packets.
private struct BBRModel {
  private static let cycle = [1.25, 0.75, 1, 1, 1, 1, 1, 1]

  private(set) var roundEnd = 0
  private var rates: [Double] = [0]
  private var minimum = Duration.milliseconds(100)
  private var minimumAt = Instant.origin
  private var hasMinimum = false
  private var isFull = false
  private var isDrained = false
  private var fullRate = 0.0
  private var rounds = 0
  private var phase = 2
  private var phaseBegan = Instant.origin
  private var probeEnd: Instant?

  private var rate: Double { rates.max() ?? 0 }
  private var product: Double { rate * (minimum / .seconds(1)) }

  var window: Double {
    if probeEnd != nil { return 4 }
    return max(10, (isFull ? 2 : 2.885) * product + 3)
  }

  /// Packets in a second.
  var pacingRate: Double {
    guard rate > 0 else { return 1000 }
    if !isFull { return 2.885 * rate }
    if !isDrained { return rate / 2.885 }
    return max(1, (probeEnd == nil ? Self.cycle[phase] : 1) * rate)
  }

  mutating func learn(
    rate sample: Double,
    roundTrip: Duration,
    isNewRound: Bool,
    delivered: Int,
    inFlight: Int,
    at now: Instant
  ) {
    if !hasMinimum || roundTrip <= minimum {
      minimum = roundTrip
      minimumAt = now
      hasMinimum = true
    } else if now - minimumAt > .seconds(10), probeEnd == nil {
      probeEnd = now + .milliseconds(200)
    }
    if let end = probeEnd, now >= end {
      probeEnd = nil
      minimum = roundTrip
      minimumAt = now
    }
    if isNewRound {
      roundEnd = delivered + inFlight
      if rates.count == 10 { rates.removeFirst() }
      rates.append(0)
      endRound()
    }
    rates[rates.count - 1] = max(rates[rates.count - 1], sample)
    if isFull, !isDrained, Double(inFlight) <= product { isDrained = true }
    guard isDrained, now - phaseBegan > minimum else { return }
    phase = (phase + 1) % Self.cycle.count
    phaseBegan = now
  }

  private mutating func endRound() {
    guard !isFull else { return }
    rounds = rate >= fullRate * 1.25 ? 0 : rounds + 1
    fullRate = max(fullRate, rate)
    isFull = rounds >= 3
  }
}
