internal import HawserCryptography
internal import HawserPrimitives
internal import HawserSecureDatagram
internal import struct NIOCore.ByteBuffer

private let changed = "encoding and decoding again changed it"

/// The payloads of the Noise messages.
func negotiationComplaint(about input: [UInt8]) -> String? {
  if let offer = try? DatagramOffer(decoding: input) {
    guard let again = try? DatagramOffer(decoding: offer.encoded()), again == offer else {
      return changed
    }
  }
  let capabilities = DatagramCapabilities(
    ciphers: [.chaCha20Poly1305, .aes256GCM],
    extensions: [.acknowledgementRanges, .typedPayloads]
  )
  let offer = DatagramOffer(capabilities, connection: ConnectionID(1))
  if let answer = try? DatagramAnswer(decoding: input, to: offer) {
    guard let again = try? DatagramAnswer(decoding: answer.encoded(), to: offer), again == answer
    else { return changed }
  }
  return nil
}

/// What anybody can send: the first byte chooses who gets it, the rest is the datagram, or the
/// Noise message, for which nobody needs the join string here.
func packetComplaint(about input: [UInt8]) -> String? {
  guard let choice = input.first, var world = DatagramWorld() else { return nil }
  let bytes = ByteBuffer(bytes: input.dropFirst())
  if choice % 3 == 2 {
    var noise = NoiseHandshake(
      .nk,
      cipher: .chaCha20Poly1305,
      role: .responder,
      prologue: [],
      keys: NoiseHandshake.Keys(
        ephemeral: Secret(bytes: [UInt8](repeating: 3, count: 32)),
        static: Secret(bytes: [UInt8](repeating: 4, count: 32))
      )
    )
    return (try? noise.read(Array(input.dropFirst()))) == nil ? nil : "Noise believed it"
  }
  if choice % 3 == 0 {
    let before = world.listener.statistics
    var payload = ByteBuffer()
    let arrival = world.listener.receive(
      bytes,
      from: world.client,
      at: .origin,
      into: &payload
    )
    let after = world.listener.statistics
    guard after.hashes - before.hashes <= 1 else { return "it cost more than one hash" }
    guard after.agreements == before.agreements else { return "it cost a key agreement" }
    var answer = ByteBuffer()
    guard world.listener.nextTransmission(into: &answer) == nil else { return "it was answered" }
    if case .dropped = arrival { return nil }
    return "it was not dropped"
  }
  world.handshake.receive(bytes, at: .origin)
  return world.handshake.nextEvent() == nil ? nil : "a client believed it"
}

/// A server's port and a client that has said INIT, with keys that are always the same.
struct DatagramWorld: ~Copyable {
  var listener: Listener
  var handshake: ClientHandshake
  let server: PathAddress
  let client: PathAddress
  let initial: ByteBuffer

  init?() {
    let stored = Secret(bytes: (0..<48).map { UInt8($0) })
    guard let identity = try? ServerIdentity(storedBytes: stored),
      let server = PathAddress(host: [192, 0, 2, 1], port: 9887),
      let client = PathAddress(host: [198, 51, 100, 7], port: 40_000),
      var handshake = try? ClientHandshake(
        key: identity.joinKey,
        server: server,
        configuration: ClientHandshake.Configuration(),
        seed: Secret(bytes: [UInt8](repeating: 2, count: 32)),
        at: .origin
      )
    else { return nil }
    listener = Listener(
      identity: identity,
      configuration: ListenerConfiguration(),
      seed: Secret(bytes: [UInt8](repeating: 1, count: 32)),
      at: .origin
    )
    var initial = ByteBuffer()
    _ = handshake.nextTransmission(into: &initial, at: .origin)
    self.handshake = handshake
    self.initial = initial
    self.server = server
    self.client = client
  }

  /// Both ends of an established channel.
  mutating func establish() -> (client: SecureChannel, server: SecureChannel)? {
    var payload = ByteBuffer()
    _ = listener.receive(initial, from: client, at: .origin, into: &payload)
    var response = ByteBuffer()
    _ = listener.nextTransmission(into: &response)
    handshake.receive(response, at: .origin)
    guard case .established(let ours)? = handshake.nextEvent() else { return nil }
    var first = ByteBuffer()
    _ = ours.nextTransmission(into: &first, at: .origin)
    guard
      case .accepted(let theirs, _) = listener.receive(
        first,
        from: client,
        at: .origin,
        into: &payload
      )
    else { return nil }
    return (ours, theirs)
  }
}
