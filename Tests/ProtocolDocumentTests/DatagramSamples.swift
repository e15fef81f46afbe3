import HawserCryptography
import HawserPrimitives
import NIOCore

@testable import HawserSecureDatagram

/// The handshake and the datagrams that the page shows, made with the keys that it names.
struct DatagramSamples {
  /// Ed25519 seed 00…1f, knock secret 20…2f.
  let identity: ServerIdentity
  let clientID = ConnectionID(0xA0A1_A2A3_A4A5_A6A7)
  let serverID = ConnectionID(0xB0B1_B2B3_B4B5_B6B7)
  let capabilities = DatagramCapabilities(
    ciphers: [.chaCha20Poly1305, .aes256GCM],
    extensions: [.acknowledgementRanges, .typedPayloads]
  )
  let agreement = DatagramAgreement(
    version: 1,
    cipher: .chaCha20Poly1305,
    extensions: [.typedPayloads]
  )
  let knock: KnockKeys
  let initial: ByteBuffer
  let response: ByteBuffer
  let keys: NoiseHandshake.Result
  /// The nonce of RETRY, 24 bytes.
  let nonce = [UInt8](0x80..<0x98)
  /// The cookie, 16 bytes.
  let cookie = [UInt8](0xC0..<0xD0)

  init() throws {
    identity = try ServerIdentity(storedBytes: Secret(bytes: 0x00..<0x30))
    knock = KnockKeys(identity.joinKey)
    var client = NoiseHandshake(
      .nk,
      cipher: .chaCha20Poly1305,
      role: .initiator,
      prologue: DatagramOffer.prologue,
      keys: NoiseHandshake.Keys(
        ephemeral: Secret(bytes: 0x40..<0x60),
        remoteStatic: try identity.joinKey.agreementPublicKey
      )
    )
    var server = NoiseHandshake(
      .nk,
      cipher: .chaCha20Poly1305,
      role: .responder,
      prologue: DatagramOffer.prologue,
      keys: NoiseHandshake.Keys(
        ephemeral: Secret(bytes: 0x60..<0x80),
        static: identity.agreementPrivateKey
      )
    )
    let offer = DatagramOffer(capabilities, connection: clientID)
    let first = try client.write(offer.encoded(paddedTo: 1108))
    _ = try server.read(first)
    var initial = ByteBuffer()
    InitialPacket.writeStart(source: clientID, noiseMessage: first, into: &initial)
    initial.writeAuthenticationCode(knock.mac1(over: initial.readableBytesSpan))
    initial.writeAuthenticationCode(.zero)
    self.initial = initial
    let second = try server.write(
      DatagramAnswer.accepted(agreement, connection: serverID).encoded()
    )
    _ = try client.read(second)
    response = ResponsePacket.encode(
      destination: clientID,
      source: serverID,
      noiseMessage: second,
      knock: knock
    )
    guard let keys = client.result else { throw NoiseError.outOfTurn }
    self.keys = keys
  }

  var retry: RetryPacket {
    get throws {
      RetryPacket(
        destination: clientID,
        nonce: nonce,
        sealedCookie: XChaCha20Poly1305.seal(
          cookie,
          additionalData: try InitialPacket(decoding: initial).mac1.bytes,
          nonce: nonce,
          key: knock.cookieKey
        )
      )
    }
  }

  /// The code that proves the cookie.
  var mac2: AuthenticationCode {
    KeyedHash.code(
      of: initial.readableBytesSpan.extracting(droppingLast: AuthenticationCode.byteCount),
      key: Secret(bytes: cookie)
    )
  }

  /// An end of the channel.
  ///
  /// - Parameter role: Whose.
  /// - Returns: A channel that has sent nothing.
  func channel(_ role: SecureChannel.Role) -> SecureChannel {
    let isClient = role == .client
    return SecureChannel(
      SecureChannel.Foundation(
        role: role,
        localID: isClient ? clientID : serverID,
        remoteID: isClient ? serverID : clientID,
        agreement: agreement,
        keys: keys,
        sizeLimit: DatagramLimits.baseDatagramBytes,
        random: SecretGenerator(seed: Secret(bytes: [1]))
      ),
      path: Path(
        validated: PathAddress.documentation,
        size: SizeSearch(limit: DatagramLimits.baseDatagramBytes, at: .origin)
      ),
      at: .origin
    )
  }

  /// The client's first datagram: a payload of five bytes.
  func firstData(from client: SecureChannel) -> ByteBuffer {
    var buffer = ByteBuffer()
    _ = client.seal(.segments, into: &buffer, at: .origin) { buffer in
      buffer.writeString("hello")
      return true
    }
    return buffer
  }

  /// The first data, sealed with a key that is derived here from the specification's words alone.
  func dataByHand(epoch: Int) -> (key: Secret, next: Secret) {
    var chain = keys.initiatorKey
    var key = chain
    for _ in 0...epoch {
      let secrets = KeyDerivation.secrets(
        2,
        salt: chain,
        input: Secret(bytes: keys.hash),
        information: Array("hawser/1 epoch".utf8) + [1]
      )
      key = secrets[0]
      chain = secrets[1]
    }
    return (key, chain)
  }

  /// Each block of the page that holds bytes.
  func blocks() throws -> [(name: String, bytes: [UInt8])] {
    let offer = DatagramOffer(capabilities, connection: clientID).encoded()
    var control = ByteBuffer()
    for message: ControlMessage in [
      .challenge(0x0102_0304_0506_0708), .ping(1), .padding,
    ] { message.write(into: &control) }
    return [
      ("datagram-offer", offer),
      ("datagram-answer", DatagramAnswer.accepted(agreement, connection: serverID).encoded()),
      ("datagram-refusal", DatagramAnswer.refused(.unsupportedExtension).encoded()),
      ("datagram-init", Array(initial.readableBytesView)),
      ("datagram-resp", Array(response.readableBytesView)),
      ("datagram-retry", Array(try retry.encoded().readableBytesView)),
      ("datagram-mac2", mac2.bytes),
      ("datagram-binding", keys.hash),
      ("datagram-key-0", dataByHand(epoch: 0).key.revealedBytes),
      ("datagram-key-1", dataByHand(epoch: 1).key.revealedBytes),
      ("datagram-data", Array(firstData(from: channel(.client)).readableBytesView)),
      ("datagram-control", Array(control.readableBytesView)),
    ]
  }
}

extension PathAddress {
  /// An address of RFC 5737.
  static var documentation: PathAddress {
    guard let address = PathAddress(host: [192, 0, 2, 1], port: 9887) else {
      preconditionFailure("four bytes are a host")
    }
    return address
  }
}
