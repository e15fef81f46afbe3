import Foundation
import HawserKCP
import HawserPrimitives
import NIOCore
import Testing

/// What the network does to datagrams, in percent.
struct Impairment: CustomTestStringConvertible {
  var loss = 0
  var duplication = 0
  var reordering = 0

  var testDescription: String { "loss \(loss), twice \(duplication), late \(reordering)" }
}

/// Talks to the original ikcp.c: 10 MB there and, sent back by it, 10 MB here, every byte compared.
@Suite(.serialized) struct KCPInteropTests {
  private static let byteCount = 10_000_000
  static let impairments = [
    Impairment(), Impairment(loss: 5), Impairment(loss: 20),
    Impairment(loss: 10, duplication: 10, reordering: 20),
  ]

  @Test(arguments: impairments)
  func `messages go to ikcp and come back`(_ impairment: Impairment) throws {
    try exchange(.messages, impairment, seed: UInt64.random(in: .min ... .max))
  }

  @Test(arguments: impairments)
  func `a stream goes to ikcp and comes back`(_ impairment: Impairment) throws {
    try exchange(.stream, impairment, seed: UInt64.random(in: .min ... .max))
  }

  /// The seed can be put in by hand to repeat the choices; what the processes do in the meantime
  /// cannot.
  private func exchange(_ service: KCPService, _ impairment: Impairment, seed: UInt64) throws {
    let peer = try StockPeer(
      conversationID: 0x1234_5678,
      mode: service == .stream ? "stream" : "message",
      window: 128
    )
    var transfer = Transfer(service, impairment, seed: seed, byteCount: Self.byteCount)
    let result = transfer.run(with: peer)
    let complaints = peer.end()
    #expect(result == .done, "seed \(seed), peer: \(complaints)")
  }
}

/// One exchange with the peer.
private struct Transfer: ~Copyable {
  enum Result: Equatable {
    case done
    case peerEnded
    case tooSlow(sent: Int, received: Int)
    case differs(at: Int)
    case died
  }

  private enum Way { case there, here }

  private var connection: KCPConnection
  private let service: KCPService
  private let impairment: Impairment
  private var generator: Chance
  private let start = ContinuousClock.now
  private var sent = 0
  private var received = 0
  private let byteCount: Int
  /// Datagrams that others overtake, each way.
  private var lateThere: [[UInt8]] = []
  private var lateHere: [[UInt8]] = []
  /// Longer than a message and prime, so that a segment in the wrong place is seen.
  private static let period = 65_521
  /// Two periods, so that any message is one slice of it.
  private let pattern: ByteBuffer
  /// What the queue had no room for.
  private var next: ByteBuffer?

  init(_ service: KCPService, _ impairment: Impairment, seed: UInt64, byteCount: Int) {
    self.service = service
    self.impairment = impairment
    self.byteCount = byteCount
    generator = Chance(state: seed)
    var configuration = KCPConfiguration(conversationID: 0x1234_5678)
    configuration.service = service
    configuration.receiveWindow = 4096
    connection = KCPConnection(configuration: configuration, at: .origin)
    let period = (0..<Self.period).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 8) }
    pattern = ByteBuffer(bytes: period + period)
  }

  private var now: Instant { .origin + (ContinuousClock.now - start) }

  mutating func run(with peer: StockPeer) -> Result {
    while received < byteCount {
      guard now < .origin + .seconds(100) else { return .tooSlow(sent: sent, received: received) }
      guard peer.isRunning else { return .peerEnded }
      offer()
      transmit(to: peer)
      let wait = connection.nextDeadline.map { max(.zero, $0 - now) } ?? .milliseconds(100)
      for datagram in peer.receive(within: min(wait, .milliseconds(100))) { receive(datagram) }
      if let due = connection.nextDeadline, due <= now { connection.deadlineReached(at: now) }
      if let index = take() { return .differs(at: index) }
      if connection.isDead { return .died }
    }
    return .done
  }

  /// Sends as long as the queue takes it; sizes from a byte to twenty segments.
  private mutating func offer() {
    while sent < byteCount {
      let message =
        next ?? bytes(at: sent, count: min(1 + generator.below(24_000), byteCount - sent))
      next = message
      guard (try? connection.send(message, at: now)) != nil else { return }
      next = nil
      sent += message.readableBytes
    }
  }

  /// What belongs at a place of the whole.
  private func bytes(at place: Int, count: Int) -> ByteBuffer {
    pattern.getSlice(at: place % Self.period, length: count) ?? ByteBuffer()
  }

  private mutating func transmit(to peer: StockPeer) {
    var datagram = ByteBuffer()
    while connection.nextTransmission(into: &datagram, at: now) {
      for bytes in impaired(Array(datagram.readableBytesView), .there) { peer.send(bytes) }
      datagram.clear()
    }
  }

  private mutating func receive(_ datagram: [UInt8]) {
    for bytes in impaired(datagram, .here) {
      try? connection.receive(ByteBuffer(bytes: bytes), at: now)
    }
  }

  /// What becomes of a datagram: nothing, itself, twice, or itself after the next one.
  private mutating func impaired(_ datagram: [UInt8], _ way: Way) -> [[UInt8]] {
    var late = way == .there ? lateThere : lateHere
    defer { if way == .there { lateThere = late } else { lateHere = late } }
    if generator.below(100) < impairment.loss { return [] }
    if late.isEmpty, generator.below(100) < impairment.reordering {
      late = [datagram]
      return []
    }
    var out = [datagram]
    if generator.below(100) < impairment.duplication { out.append(datagram) }
    out += late
    late = []
    return out
  }

  /// Compares what has come back.
  ///
  /// - Returns: The place of the first message that is wrong.
  private mutating func take() -> Int? {
    while let message = connection.nextMessage(at: now) {
      guard message == bytes(at: received, count: message.readableBytes) else { return received }
      received += message.readableBytes
    }
    while connection.nextEvent() != nil {}
    return nil
  }
}

/// Steele, Lea and Flood's SplitMix64.
private struct Chance {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((word ^ word >> 31) % UInt64(bound))
  }
}
