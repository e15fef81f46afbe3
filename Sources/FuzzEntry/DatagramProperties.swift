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
  guard let choice = input.first, let world = DatagramWorld() else { return nil }
  switch choice % 3 {
  case 0: return strangerComplaint(about: ByteBuffer(bytes: input.dropFirst()), in: world)
  case 1:
    guard var handshake = world.handshake() else { return "there is no handshake" }
    var initial = ByteBuffer()
    _ = handshake.nextTransmission(into: &initial, at: .origin)
    handshake.receive(ByteBuffer(bytes: input.dropFirst()), at: .origin)
    return handshake.nextEvent() == nil ? nil : "a client believed it"
  default:
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
}

private func strangerComplaint(about datagram: ByteBuffer, in world: DatagramWorld) -> String? {
  var listener = world.listener()
  var payload = ByteBuffer()
  let arrival = listener.receive(datagram, from: world.client, at: .origin, into: &payload)
  guard listener.statistics.hashes <= 1 else { return "it cost more than one hash" }
  guard listener.statistics.agreements == 0 else { return "it cost a key agreement" }
  var answer = ByteBuffer()
  guard listener.nextTransmission(into: &answer) == nil else { return "it was answered" }
  if case .dropped = arrival { return nil }
  return "it was not dropped"
}

/// A server and a client, with keys that are always the same.
struct DatagramWorld {
  private let identity: ServerIdentity
  let server: PathAddress
  let client: PathAddress

  /// Made once, because it takes longer than a decoder does.
  private static let fixedIdentity = try? ServerIdentity(
    storedBytes: Secret(bytes: (0..<48).map { UInt8($0) })
  )

  init?() {
    guard let identity = Self.fixedIdentity,
      let server = PathAddress(host: [192, 0, 2, 1], port: 9887),
      let client = PathAddress(host: [198, 51, 100, 7], port: 40_000)
    else { return nil }
    self.identity = identity
    self.server = server
    self.client = client
  }

  func listener() -> Listener {
    Listener(
      identity: identity,
      configuration: ListenerConfiguration(),
      seed: Secret(bytes: [UInt8](repeating: 1, count: 32)),
      at: .origin
    )
  }

  func handshake() -> ClientHandshake? {
    try? ClientHandshake(
      key: identity.joinKey,
      server: server,
      configuration: ClientHandshake.Configuration(),
      seed: Secret(bytes: [UInt8](repeating: 2, count: 32)),
      at: .origin
    )
  }

  /// Both ends of an established channel.
  func establish() -> (client: SecureChannel, server: SecureChannel)? {
    var listener = listener()
    guard var handshake = handshake() else { return nil }
    var payload = ByteBuffer()
    var initial = ByteBuffer()
    _ = handshake.nextTransmission(into: &initial, at: .origin)
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
