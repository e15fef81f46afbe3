import HawserPrimitives
import NIOCore

@testable import HawserKCP

/// Chance that a seed determines (Steele, Lea and Flood's SplitMix64).
struct Chance: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  mutating func happens(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &self) < percent
  }
}

/// What a path does to datagrams, in percent and time.
struct Weather {
  var loss = 0
  var duplication = 0
  var reordering = 0
  var delay = Duration.milliseconds(30)
  /// Nothing passes.
  var isDown = false
}

/// Two connections with a path between them, on virtual time.
final class Pair {
  enum End { case left, right }

  private struct Flight {
    var at: Instant
    var to: End
    var datagram: ByteBuffer
  }

  var left: KCPConnection
  var right: KCPConnection
  var weather = Weather()
  private(set) var now = Instant.origin
  private var flights: [Flight] = []
  private var chance: Chance
  /// What each end's user has received.
  private(set) var messages: (left: [ByteBuffer], right: [ByteBuffer]) = ([], [])
  private(set) var events: (left: [KCPEvent], right: [KCPEvent]) = ([], [])
  /// Datagrams that each end has sent.
  private(set) var sent: (left: [ByteBuffer], right: [ByteBuffer]) = ([], [])
  /// How often a timer ran.
  private(set) var wakeUps = 0
  /// Whether the users take what arrives.
  var takes: (left: Bool, right: Bool) = (true, true)
  /// Sees every datagram that leaves; what it returns is delivered.
  var intercept: ((End, ByteBuffer) -> ByteBuffer?)?

  init(_ configuration: KCPConfiguration, right: KCPConfiguration? = nil, seed: UInt64 = 1) {
    left = KCPConnection(configuration: configuration, at: .origin)
    self.right = KCPConnection(configuration: right ?? configuration, at: .origin)
    chance = Chance(seed)
  }

  /// Lets both ends send and take all that they can at the present.
  func settle() {
    flush(.left)
    flush(.right)
    if takes.right { take(.right) }
    if takes.left { take(.left) }
    flush(.left)
    flush(.right)
  }

  /// Passes time, until all is quiet or the time is over.
  func run(for length: Duration) {
    let end = now + length
    settle()
    while let next = nextTime, next <= end {
      now = max(now, next)
      arrive()
      for side in [End.left, .right] { wake(side) }
      settle()
    }
    now = end
  }

  /// Passes time until something holds; `false` when it does not within the limit.
  func run(until limit: Duration, _ holds: (Pair) -> Bool) -> Bool {
    let end = now + limit
    settle()
    while !holds(self) {
      guard let next = nextTime, next <= end else { return false }
      now = max(now, next)
      arrive()
      for side in [End.left, .right] { wake(side) }
      settle()
    }
    return true
  }

  /// Hands a datagram to an end, as if it had come from the other one.
  func inject(_ datagram: ByteBuffer, to end: End) throws(SegmentError) {
    switch end {
    case .left: try left.receive(datagram, at: now)
    case .right: try right.receive(datagram, at: now)
    }
  }

  /// Both have what they sent acknowledged.
  var isDrained: Bool { left.isDrained && right.isDrained }

  /// The left end waits for acknowledgements.
  var isUndrained: Bool { !left.isDrained }

  /// When the left end wants to be woken.
  var leftDeadline: Instant? { left.nextDeadline }

  /// Nothing happens any more.
  var isQuiet: Bool { nextTime == nil }

  private var nextTime: Instant? {
    [flights.map(\.at).min(), left.nextDeadline, right.nextDeadline].compactMap { $0 }.min()
  }

  private func arrive() {
    let arrived = flights.filter { $0.at <= now }.sorted { $0.at < $1.at }
    flights.removeAll { $0.at <= now }
    for flight in arrived {
      switch flight.to {
      case .left: try? left.receive(flight.datagram, at: now)
      case .right: try? right.receive(flight.datagram, at: now)
      }
    }
  }

  private func wake(_ end: End) {
    let deadline = end == .left ? left.nextDeadline : right.nextDeadline
    guard let deadline, deadline <= now else { return }
    wakeUps += 1
    switch end {
    case .left: left.deadlineReached(at: now)
    case .right: right.deadlineReached(at: now)
    }
  }

  private func flush(_ end: End) {
    while true {
      var datagram = ByteBuffer()
      let isThere =
        end == .left
        ? left.nextTransmission(into: &datagram, at: now)
        : right.nextTransmission(into: &datagram, at: now)
      guard isThere else { break }
      if end == .left { sent.left.append(datagram) } else { sent.right.append(datagram) }
      fly(datagram, from: end)
    }
    while let event = end == .left ? left.nextEvent() : right.nextEvent() {
      if end == .left { events.left.append(event) } else { events.right.append(event) }
    }
  }

  private func fly(_ datagram: ByteBuffer, from end: End) {
    guard let datagram = intercept.map({ $0(end, datagram) }) ?? datagram else { return }
    guard !weather.isDown, !chance.happens(weather.loss) else { return }
    let to = end == .left ? End.right : .left
    for _ in 0..<(chance.happens(weather.duplication) ? 2 : 1) {
      let extra = chance.happens(weather.reordering) ? weather.delay / 2 : .zero
      flights.append(Flight(at: now + weather.delay + extra, to: to, datagram: datagram))
    }
  }

  private func take(_ end: End) {
    while let message = end == .left ? left.nextMessage(at: now) : right.nextMessage(at: now) {
      if end == .left { messages.left.append(message) } else { messages.right.append(message) }
    }
  }
}

extension ByteBuffer {
  /// The headers of the segments in a datagram, range acknowledgements aside.
  func segments(of conversationID: UInt32 = 7) -> [(header: SegmentHeader, payload: ByteBuffer)] {
    var rest = self
    var found: [(SegmentHeader, ByteBuffer)] = []
    while rest.readableBytes > 0, let header = try? SegmentHeader(from: &rest, of: conversationID) {
      guard let payload = rest.readSlice(length: Int(header.length)) else { break }
      found.append((header, payload))
    }
    return found
  }
}

/// A configuration for tests, whose conversation is 7.
func configuration(
  _ service: KCPService,
  _ change: (inout KCPConfiguration) -> Void = { _ in }
) -> KCPConfiguration {
  var configuration = KCPConfiguration(conversationID: 7)
  configuration.service = service
  change(&configuration)
  return configuration
}
