internal import HawserCryptography
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// What strangers and clients say.
extension Listener {
  mutating func takeData(
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant,
    into payload: inout ByteBuffer
  ) throws(DatagramRejection) -> ListenerArrival {
    guard let id = ConnectionID.destination(of: datagram) else {
      throw .malformed(.wrongLength(datagram.readableBytes))
    }
    if let channel = channels[id] {
      counts.openings += 1
      return .channel(channel, channel.receive(datagram, from: address, at: now, into: &payload))
    }
    halfOpen.expire(at: now)
    guard let entry = halfOpen[id], let foundation = entry.foundation else {
      throw .unknownConnection
    }
    guard channels.count < configuration.channels else { throw .overLimit }
    counts.openings += 1
    let path = firstPath(of: entry, newest: address, at: now)
    let channel = SecureChannel(foundation, path: path, at: now)
    if let answered = entry.answered { channel.roundTrip = now - answered }
    let arrival = channel.receive(datagram, from: address, at: now, into: &payload)
    if case .dropped(let reason) = arrival { throw reason }
    channels[id] = channel
    halfOpen.complete(id)
    counts.accepted += 1
    return .accepted(channel, arrival)
  }

  /// A client that can seal has got RESP. If that was sent to one address only, it is there.
  private func firstPath(
    of entry: HalfOpenHandshake,
    newest: PathAddress,
    at now: Instant
  ) -> Path {
    let size = SizeSearch(limit: configuration.sizeLimit, at: now)
    return entry.hasSeveralAddresses
      ? Path(
        challenging: newest,
        by: PathChallenge(
          token: random.next(),
          roundTrip: DatagramLimits.initialRoundTrip,
          at: now
        ),
        size: size
      )
      : Path(validated: entry.address, size: size)
  }

  mutating func takeInitial(
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant
  ) throws(DatagramRejection) {
    let packet: InitialPacket
    do throws(DatagramError) {
      packet = try InitialPacket(decoding: datagram)
    } catch {
      throw .malformed(error)
    }
    let start = datagram.readableBytesSpan.extracting(droppingLast: InitialPacket.macBytes)
    counts.hashes += 1
    guard knock.mac1(over: start) == packet.mac1 else { throw .wrongKnock }

    halfOpen.expire(at: now)
    if let entry = halfOpen[packet.mac1] {
      // Somewhere else it may be a copy that has others flooded; when there is much to do, such
      // an address has to prove itself like any other.
      if address != entry.address, isCrowded,
        !hasCookie(packet, datagram, from: address, at: now)
      {
        return retry(packet, to: address, at: now)
      }
      entry.noteRepetition(from: address)
      counts.repeatedResponses += 1
      return outbox.add(entry.response, to: address)
    }
    if isCrowded || !bucket.take(at: now),
      !hasCookie(packet, datagram, from: address, at: now)
    {
      return retry(packet, to: address, at: now)
    }
    guard halfOpen.hasRoom(for: address) else { throw .overLimit }
    let entry = try answer(packet, from: address, at: now)
    halfOpen.insert(entry, mac1: packet.mac1)
    counts.responses += 1
    outbox.add(entry.response, to: address)
  }

  /// Whether half of the table is taken.
  private var isCrowded: Bool { halfOpen.count * 2 >= configuration.halfOpenHandshakes }

  private mutating func hasCookie(
    _ packet: InitialPacket,
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant
  ) -> Bool {
    guard packet.mac2 != .zero else { return false }
    let start = datagram.readableBytesSpan.extracting(
      droppingLast: AuthenticationCode.byteCount
    )
    return cookies.isProof(packet.mac2, over: start, from: address, at: now)
  }

  private mutating func retry(
    _ packet: InitialPacket,
    to address: PathAddress,
    at now: Instant
  ) {
    counts.retries += 1
    let nonce = random.bytes(count: XChaCha20Poly1305.nonceByteCount)
    let sealed = XChaCha20Poly1305.seal(
      cookies.cookie(for: address, at: now).bytes,
      additionalData: packet.mac1.bytes,
      nonce: nonce,
      key: knock.cookieKey
    )
    let retry = RetryPacket(destination: packet.source, nonce: nonce, sealedCookie: sealed)
    outbox.add(retry.encoded(), to: address)
  }

  private mutating func answer(
    _ packet: InitialPacket,
    from address: PathAddress,
    at now: Instant
  ) throws(DatagramRejection) -> HalfOpenHandshake {
    var noise = NoiseHandshake(
      .nk,
      cipher: .chaCha20Poly1305,
      role: .responder,
      prologue: DatagramOffer.prologue,
      keys: NoiseHandshake.Keys(
        ephemeral: random.secret(count: KeyAgreement.keyByteCount),
        static: agreementKey
      )
    )
    counts.agreements += 2
    let id = newConnectionID()
    do throws(NoiseError) {
      let payload = try noise.read(Array(packet.noiseMessage.readableBytesView))
      guard let answer = choose(payload, from: packet.source, as: id) else {
        throw NoiseError.notAuthentic
      }
      let message = try noise.write(answer.encoded())
      var foundation: SecureChannel.Foundation?
      if case .accepted(let agreement, _) = answer, let keys = noise.result {
        foundation = SecureChannel.Foundation(
          role: .server,
          localID: id,
          remoteID: packet.source,
          agreement: agreement,
          keys: keys,
          sizeLimit: configuration.sizeLimit,
          random: random
        )
      }
      let response = ResponsePacket.encode(
        destination: packet.source,
        source: id,
        noiseMessage: message,
        knock: knock
      )
      return HalfOpenHandshake(
        response: response,
        foundation: foundation,
        address: address,
        at: now
      )
    } catch {
      throw .badHandshake
    }
  }

  /// What an offer is answered with; `nil` when the packet's header is not the one that the
  /// client wrote.
  private func choose(
    _ payload: [UInt8],
    from source: ConnectionID,
    as id: ConnectionID
  ) -> DatagramAnswer? {
    do throws(NegotiationError) {
      let offer = try DatagramOffer(decoding: payload)
      guard offer.connection == source else { return nil }
      guard channels.count < configuration.channels else { return .refused(.overLimit) }
      return switch offer.choose(from: configuration.capabilities) {
      case .success(let agreement): .accepted(agreement, connection: id)
      case .failure(let refused): .refused(refused.refusal)
      }
    } catch {
      return .refused(error.refusal)
    }
  }

  private func newConnectionID() -> ConnectionID {
    var random = random
    var id = ConnectionID(using: &random, loop: configuration.loop)
    while channels[id] != nil || halfOpen[id] != nil {
      id = ConnectionID(using: &random, loop: configuration.loop)
    }
    return id
  }
}
