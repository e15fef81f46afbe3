import HawserCryptography
import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

/// A client and a server's port on virtual time; every datagram passes through ``wire``.
final class Pair {
  static let identity: ServerIdentity = {
    // A fixed identity, so that the bytes are the same in each run.
    let stored = Secret(bytes: (0..<48).map { UInt8($0) })
    guard let identity = try? ServerIdentity(storedBytes: stored) else {
      preconditionFailure("48 bytes are an identity")
    }
    return identity
  }()

  let server = address(9887, host: [192, 0, 2, 1])
  /// Where the server sees the client.
  var client = address(40_000)
  var now = Instant.origin
  var listener: Listener
  var handshake: ClientHandshake
  private(set) var clientChannel: SecureChannel?
  private(set) var serverChannel: SecureChannel?
  private(set) var failure: ClientHandshakeFailure?
  /// Everything that was sent, in order.
  private(set) var sent: [Sent] = []
  var clientEvents: [SecureChannelEvent] = []
  var serverEvents: [SecureChannelEvent] = []
  var clientPayloads: [[UInt8]] = []
  var serverPayloads: [[UInt8]] = []
  /// What becomes of a datagram: the copies that arrive. By default it arrives once.
  var wire: (Sent) -> [Sent] = { [$0] }

  struct Sent {
    let fromClient: Bool
    var bytes: ByteBuffer
    /// Where the server sees the client, or where the server sends to.
    var address: PathAddress

    var first: UInt8 { bytes.getInteger(at: bytes.readerIndex) ?? 0 }
  }

  init(
    seed: UInt8 = 1,
    identity: ServerIdentity = Pair.identity,
    key: JoinKey? = nil,
    listening: ListenerConfiguration = ListenerConfiguration(),
    dialling: ClientHandshake.Configuration = ClientHandshake.Configuration()
  ) throws {
    listener = Listener(
      identity: identity,
      configuration: listening,
      seed: Secret(bytes: [UInt8](repeating: seed, count: 32)),
      at: .origin
    )
    handshake = try ClientHandshake(
      key: key ?? identity.joinKey,
      server: server,
      configuration: dialling,
      seed: Secret(bytes: [UInt8](repeating: seed &+ 100, count: 32)),
      at: .origin
    )
  }

  /// A pair with a channel, confirmed and with no size search under way.
  static func established(
    sizeLimit: Int = DatagramLimits.baseDatagramBytes,
    seed: UInt8 = 1,
    capabilities: DatagramCapabilities = DatagramCapabilities()
  ) throws -> (pair: Pair, client: SecureChannel, server: SecureChannel) {
    var listening = ListenerConfiguration()
    listening.sizeLimit = sizeLimit
    listening.capabilities = capabilities
    var dialling = ClientHandshake.Configuration()
    dialling.sizeLimit = sizeLimit
    dialling.capabilities = capabilities
    let pair = try Pair(seed: seed, listening: listening, dialling: dialling)
    pair.settle()
    let client = try #require(pair.clientChannel)
    let server = try #require(pair.serverChannel)
    #expect(pair.clientEvents.first == .confirmed)
    pair.clientEvents = []
    pair.serverEvents = []
    pair.sent = []
    return (pair, client, server)
  }

  /// Begins another handshake when the client's channel has come to nothing.
  func dialAgainIfNeeded(seed: UInt8, dialling: ClientHandshake.Configuration) throws {
    guard clientEvents.contains(.ended(.unanswered)) else { return }
    clientEvents = []
    clientChannel = nil
    handshake = try ClientHandshake(
      key: Pair.identity.joinKey,
      server: server,
      configuration: dialling,
      seed: Secret(bytes: [UInt8](repeating: seed, count: 32)),
      at: now
    )
  }

  /// Sends and delivers until nobody has anything to send at this instant.
  func settle() {
    while true {
      let batch = transmissions()
      if batch.isEmpty { return drainEvents() }
      for datagram in batch.flatMap(wire) { deliver(datagram) }
    }
  }

  /// Lets time pass, deadline by deadline, up to `end`.
  func run(until end: Instant) {
    settle()
    while let deadline = nextDeadline, deadline <= end {
      now = max(now, deadline)
      deadlines()
      settle()
    }
    now = end
    deadlines()
    settle()
  }

  func run(for duration: Duration) { run(until: now + duration) }

  var nextDeadline: Instant? {
    [
      listener.nextDeadline, clientChannel == nil ? handshake.nextDeadline : nil,
      clientChannel?.nextDeadline, serverChannel?.nextDeadline,
    ].compactMap(\.self).min()
  }

  private func deadlines() {
    listener.deadlineReached(at: now)
    handshake.deadlineReached(at: now)
    clientChannel?.deadlineReached(at: now)
    serverChannel?.deadlineReached(at: now)
    takeHandshakeEvents()
  }

  /// What both have to send at this instant.
  func transmissions() -> [Sent] {
    var batch: [Sent] = []
    while true {
      var bytes = ByteBuffer()
      if handshake.nextTransmission(into: &bytes, at: now) != nil
        || clientChannel?.nextTransmission(into: &bytes, at: now) != nil
      {
        batch.append(Sent(fromClient: true, bytes: bytes, address: client))
      } else if let address = listener.nextTransmission(into: &bytes)
        ?? serverChannel?.nextTransmission(into: &bytes, at: now)
      {
        batch.append(Sent(fromClient: false, bytes: bytes, address: address))
      } else {
        sent += batch
        return batch
      }
    }
  }

  @discardableResult
  func deliver(_ datagram: Sent) -> ChannelArrival? {
    datagram.fromClient
      ? deliverToServer(datagram.bytes, from: datagram.address)
      : deliverToClient(datagram.bytes)
  }

  @discardableResult
  func deliverToServer(_ bytes: ByteBuffer, from address: PathAddress) -> ChannelArrival? {
    var payload = ByteBuffer()
    let outcome: ChannelArrival
    switch listener.receive(bytes, from: address, at: now, into: &payload) {
    case .accepted(let channel, let arrival):
      serverChannel = channel
      outcome = arrival
    case .channel(_, let arrival): outcome = arrival
    case .handshake: return nil
    case .dropped(let reason): return .dropped(reason)
    }
    if case .payload = outcome { serverPayloads.append(Array(payload.readableBytesView)) }
    return outcome
  }

  @discardableResult
  func deliverToClient(_ bytes: ByteBuffer) -> ChannelArrival? {
    if let clientChannel {
      var payload = ByteBuffer()
      let outcome = clientChannel.receive(bytes, from: server, at: now, into: &payload)
      if case .payload = outcome { clientPayloads.append(Array(payload.readableBytesView)) }
      return outcome
    }
    if let reason = handshake.receive(bytes, at: now) { return .dropped(reason) }
    takeHandshakeEvents()
    return nil
  }

  private func takeHandshakeEvents() {
    while let event = handshake.nextEvent() {
      switch event {
      case .established(let channel): clientChannel = channel
      case .failed(let reason): failure = reason
      }
    }
  }

  private func drainEvents() {
    while let event = clientChannel?.nextEvent() { clientEvents.append(event) }
    while let event = serverChannel?.nextEvent() { serverEvents.append(event) }
  }

  /// A datagram with this payload, sealed and not yet delivered.
  func sealed(_ payload: [UInt8], by channel: SecureChannel) -> ByteBuffer? {
    var buffer = ByteBuffer()
    let address = channel.seal(.segments, into: &buffer, at: now) { buffer in
      buffer.writeBytes(payload)
      return true
    }
    return address == nil ? nil : buffer
  }
}

/// An address of the test networks; the client's by default.
func address(_ port: UInt16, host: [UInt8] = [198, 51, 100, 7]) -> PathAddress {
  guard let address = PathAddress(host: host, port: port) else {
    preconditionFailure("a host has four or sixteen bytes")
  }
  return address
}

/// Sebastiano Vigna's generator: the same numbers for the same seed, everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

extension ByteBuffer {
  /// Flips a bit, exchanges, inserts or removes a byte, or cuts the end off.
  mutating func damage(using random: inout SplitMix64) {
    var bytes = Array(readableBytesView)
    guard let index = bytes.indices.randomElement(using: &random) else { return }
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[index] = .random(in: .min ... .max, using: &random)
    case 2: bytes.insert(.random(in: .min ... .max, using: &random), at: index)
    case 3: bytes.remove(at: index)
    default: bytes.removeSubrange(index...)
    }
    self = ByteBuffer(bytes: bytes)
  }
}
