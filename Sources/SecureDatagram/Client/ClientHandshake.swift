package import HawserCryptography
package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// What a client's handshake came to.
package enum ClientHandshakeEvent {
  /// There is a channel; the server has it once the channel says
  /// ``SecureChannelEvent/confirmed``.
  case established(SecureChannel)
  case failed(ClientHandshakeFailure)
}

/// Why there is no channel.
package enum ClientHandshakeFailure: Error, Sendable, Hashable {
  /// No answer in time: nobody there, a wrong key or knock secret, or UDP is blocked.
  case timedOut
  /// The server, which proved itself, does not want the channel.
  case refused(DatagramRefusal)
  /// The server, which proved itself, answered what this version does not understand.
  case badAnswer(NegotiationError)
}

/// A client's handshake with one address of one server.
///
///     start ── INIT ──▶ waiting ── RESP ──▶ established
///                        │  ▲
///                        ├──┤ RETRY: the same INIT with a cookie
///                        ├──┤ no answer: the same INIT; after 4 s a new one
///                        └──┴ time is over, refusal ──▶ failed
package struct ClientHandshake: ~Copyable {
  /// What a handshake is made from.
  package struct Configuration: Sendable {
    /// What is offered.
    package var capabilities = DatagramCapabilities()
    /// The largest datagram that the interface takes, in bytes of UDP payload.
    package var sizeLimit = 1452
    /// How long it may take.
    package var timeLimit: Duration = .seconds(10)

    package init() {}
  }

  /// One INIT, however often it is sent.
  private struct Attempt {
    let source: ConnectionID
    let offer: DatagramOffer
    let noise: NoiseHandshake
    /// INIT up to and without mac2.
    let start: ByteBuffer
    let mac1: AuthenticationCode
    /// When another INIT takes its place.
    let expires: Instant
    var retries = 0
  }

  private let configuration: Configuration
  private let server: PathAddress
  private let serverKey: [UInt8]
  private let knock: KnockKeys
  private let random: SecretGenerator
  private let deadline: Instant

  private var attempt: Attempt?
  private var repetition: SecureChannel.Repetition
  private var cookie: (code: AuthenticationCode, expires: Instant)?
  private var events: [ClientHandshakeEvent] = []
  private var isOver = false

  /// - Parameters:
  ///   - key: The server's, from the join string.
  ///   - server: Where it is.
  ///   - configuration: What is offered, and limits.
  ///   - seed: ``SecretGenerator/seedByteCount`` bytes, ``Secret/random(count:)`` outside of tests;
  ///     never used twice.
  ///   - now: The current instant.
  /// - Throws: ``CryptographyError`` when the key is not one.
  package init(
    key: JoinKey,
    server: PathAddress,
    configuration: Configuration,
    seed: Secret,
    at now: Instant
  ) throws(CryptographyError) {
    serverKey = try key.agreementPublicKey
    knock = KnockKeys(key)
    self.server = server
    self.configuration = configuration
    random = SecretGenerator(seed: seed)
    deadline = now + configuration.timeLimit
    repetition = SecureChannel.Repetition(at: now)
  }

  /// Takes one datagram; those that are not for it are ignored. Where it came from does not matter:
  /// whoever can answer is the server.
  ///
  /// - Returns: Why it was ignored, `nil` when it was not.
  @discardableResult
  package mutating func receive(
    _ datagram: ByteBuffer,
    at now: Instant
  ) -> DatagramRejection? {
    guard !isOver, let attempt else { return .unknownConnection }
    guard let first: UInt8 = datagram.getInteger(at: datagram.readerIndex) else {
      return .malformed(.empty)
    }
    do throws(DatagramRejection) {
      switch PacketType(firstByte: first) {
      case .response: try takeResponse(datagram, attempt, at: now)
      case .retry: try takeRetry(datagram, attempt, at: now)
      case .initial, .data: throw .malformed(.unexpectedType)
      case nil: throw .malformed(.unknownType(first))
      }
      return nil
    } catch {
      return error
    }
  }

  /// The next packet that has to be sent.
  ///
  /// - Parameters:
  ///   - buffer: Where it is appended.
  ///   - now: The current instant.
  /// - Returns: Where it has to go; `nil`, with nothing appended, when there is none.
  package mutating func nextTransmission(
    into buffer: inout ByteBuffer,
    at now: Instant
  ) -> PathAddress? {
    guard !isOver else { return nil }
    if attempt.map({ now >= $0.expires }) ?? true {
      attempt = newAttempt(at: now)
      repetition = SecureChannel.Repetition(at: now)
    }
    guard let attempt, repetition.take(at: now) else { return nil }
    var packet = attempt.start
    var mac2 = AuthenticationCode.zero
    if let cookie, now < cookie.expires {
      mac2 = KeyedHash.code(of: packet.readableBytesSpan, key: cookie.code.secret)
    }
    packet.writeAuthenticationCode(mac2)
    buffer.writeImmutableBuffer(packet)
    return server
  }

  package mutating func nextEvent() -> ClientHandshakeEvent? {
    events.isEmpty ? nil : events.removeFirst()
  }

  /// When ``deadlineReached(at:)`` has to be called.
  package var nextDeadline: Instant? {
    guard !isOver else { return nil }
    return min(deadline, repetition.deadline, attempt?.expires ?? deadline)
  }

  /// Notices that time is over; what has to be sent comes out of
  /// ``nextTransmission(into:at:)``.
  package mutating func deadlineReached(at now: Instant) {
    guard !isOver, now >= deadline else { return }
    finish(.failed(.timedOut))
  }

  private mutating func newAttempt(at now: Instant) -> Attempt? {
    var random = random
    let source = ConnectionID(using: &random)
    var noise = NoiseHandshake(
      .nk,
      cipher: .chaCha20Poly1305,
      role: .initiator,
      prologue: DatagramOffer.prologue,
      keys: NoiseHandshake.Keys(
        ephemeral: random.secret(count: KeyAgreement.keyByteCount),
        remoteStatic: serverKey
      )
    )
    let offer = DatagramOffer(configuration.capabilities, connection: source)
    let payloadBytes =
      DatagramLimits.baseDatagramBytes - InitialPacket.headerBytes - KeyAgreement.keyByteCount
      - AEADAlgorithm.tagByteCount - InitialPacket.macBytes
    // The join key is a point of the curve, so there is a secret with it.
    guard let message = try? noise.write(offer.encoded(paddedTo: payloadBytes)) else { return nil }
    var start = ByteBuffer()
    InitialPacket.writeStart(source: source, noiseMessage: message, into: &start)
    let mac1 = knock.mac1(over: start.readableBytesSpan)
    start.writeAuthenticationCode(mac1)
    return Attempt(
      source: source,
      offer: offer,
      noise: noise,
      start: start,
      mac1: mac1,
      expires: now + DatagramLimits.attemptLifetime
    )
  }

  private mutating func takeRetry(
    _ datagram: ByteBuffer,
    _ attempt: Attempt,
    at now: Instant
  ) throws(DatagramRejection) {
    let packet: RetryPacket
    do throws(DatagramError) {
      packet = try RetryPacket(decoding: datagram)
    } catch {
      throw .malformed(error)
    }
    guard packet.destination == attempt.source else { throw .unknownConnection }
    guard attempt.retries < DatagramLimits.retriesPerAttempt else { throw .overLimit }
    let opened = XChaCha20Poly1305.open(
      packet.sealedCookie,
      additionalData: attempt.mac1.bytes,
      nonce: packet.nonce,
      key: knock.cookieKey
    )
    guard let opened, let code = AuthenticationCode(bytes: opened) else { throw .notAuthentic }
    cookie = (code, now + DatagramLimits.cookieSecretLifetime)
    self.attempt?.retries += 1
    repetition = SecureChannel.Repetition(at: now)
  }

  private mutating func takeResponse(
    _ datagram: ByteBuffer,
    _ attempt: Attempt,
    at now: Instant
  ) throws(DatagramRejection) {
    let packet: ResponsePacket
    do throws(DatagramError) {
      packet = try ResponsePacket(decoding: datagram)
    } catch {
      throw .malformed(error)
    }
    guard packet.destination == attempt.source else { throw .unknownConnection }
    let start = datagram.readableBytesSpan.extracting(
      droppingLast: AuthenticationCode.byteCount
    )
    guard knock.mac1(over: start) == packet.mac1 else { throw .wrongKnock }
    var noise = attempt.noise
    guard let payload = try? noise.read(Array(packet.noiseMessage.readableBytesView)),
      let keys = noise.result
    else { throw .badHandshake }
    do throws(NegotiationError) {
      switch try DatagramAnswer(decoding: payload, to: attempt.offer) {
      case .refused(let refusal): finish(.failed(.refused(refusal)))
      case .accepted(let agreement, let connection):
        guard connection == packet.source else { throw .notOffered }
        let foundation = SecureChannel.Foundation(
          role: .client,
          localID: attempt.source,
          remoteID: connection,
          agreement: agreement,
          keys: keys,
          sizeLimit: configuration.sizeLimit,
          random: random
        )
        let path = Path(
          validated: server,
          size: SizeSearch(limit: configuration.sizeLimit, at: now)
        )
        finish(.established(SecureChannel(foundation, path: path, at: now)))
      }
    } catch {
      finish(.failed(.badAnswer(error)))
    }
  }

  private mutating func finish(_ event: ClientHandshakeEvent) {
    isOver = true
    attempt = nil
    events.append(event)
  }
}
