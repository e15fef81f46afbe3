package import HawserCryptography
package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// What a listener may be told.
package struct ListenerConfiguration: Sendable {
  /// What clients may agree upon with this server.
  package var capabilities = DatagramCapabilities()
  /// The number of the event loop, put into every connection id; see ``ConnectionID/loop``.
  package var loop: UInt8 = 0
  /// The largest datagram that the interface takes, in bytes of UDP payload. The default is what
  /// fits an Ethernet frame over IPv6.
  package var sizeLimit = 1452
  /// Established channels at most.
  package var channels = DatagramLimits.channels
  /// Half-open handshakes at most.
  package var halfOpenHandshakes = DatagramLimits.halfOpenHandshakes
  /// Half-open handshakes of one host at most.
  package var halfOpenHandshakesPerHost = DatagramLimits.halfOpenHandshakesPerHost
  /// Handshakes a second that need no cookie.
  package var handshakesPerSecond = DatagramLimits.handshakesPerSecond
  /// Handshakes at once that need no cookie; 0 asks for a cookie always.
  package var handshakeBurst = DatagramLimits.handshakeBurst

  package init() {}
}

/// What became of a datagram that a listener received.
package enum ListenerArrival {
  /// It belongs to a channel.
  case channel(SecureChannel, ChannelArrival)
  /// It opened a channel, which from now on is the caller's, too. ``Listener/remove(_:)`` ends it.
  case accepted(SecureChannel, ChannelArrival)
  /// It was part of a handshake.
  case handshake
  /// It was dropped, silently.
  case dropped(DatagramRejection)
}

/// What a listener has done; the work that strangers can cause is counted.
package struct ListenerStatistics: Sendable, Hashable {
  package internal(set) var datagrams: UInt64 = 0
  package internal(set) var dropped: UInt64 = 0
  package internal(set) var wrongKnocks: UInt64 = 0
  package internal(set) var responses: UInt64 = 0
  package internal(set) var repeatedResponses: UInt64 = 0
  package internal(set) var retries: UInt64 = 0
  package internal(set) var accepted: UInt64 = 0
  /// Hashes over a datagram or an address, made to judge handshake packets.
  package internal(set) var hashes: UInt64 = 0
  /// X25519 agreements.
  package internal(set) var agreements: UInt64 = 0
  /// Attempts to open a datagram.
  package internal(set) var openings: UInt64 = 0
}

/// All peers of one UDP port: answers handshakes, and finds the channel that a datagram is for.
///
///     INIT ─ layout ─ mac1 ─ seen before? ──────────────────────────▶ the same RESP again
///                            │ no
///                            ├─ under load, and no cookie ──────────▶ RETRY
///                            ├─ no room ────────────────────────────▶ silence
///                            └─ Noise, negotiation ─▶ half-open ────▶ RESP
///                                                        │ first sealed datagram
///     DATA ─ connection id ─────────────────────────────▶ channel
///
/// Whoever does not know the knock secret gets silence, for one hash.
package struct Listener: ~Copyable {
  let configuration: ListenerConfiguration
  let knock: KnockKeys
  let agreementKey: Secret
  let random: SecretGenerator
  var counts = ListenerStatistics()

  var cookies: CookieIssuer
  var bucket: TokenBucket
  var halfOpen: HalfOpenTable
  var channels: [ConnectionID: SecureChannel] = [:]
  /// RESPs and RETRYs.
  var outbox = HandshakeOutbox()

  /// - Parameters:
  ///   - identity: The server's.
  ///   - configuration: What clients may agree upon, and limits.
  ///   - seed: ``SecretGenerator/seedByteCount`` bytes, ``Secret/random(count:)`` outside of tests;
  ///     never used twice.
  ///   - now: The current instant.
  package init(
    identity: ServerIdentity,
    configuration: ListenerConfiguration,
    seed: Secret,
    at now: Instant
  ) {
    self.configuration = configuration
    knock = KnockKeys(identity.joinKey)
    agreementKey = identity.agreementPrivateKey
    random = SecretGenerator(seed: seed)
    cookies = CookieIssuer(random: random, at: now)
    bucket = TokenBucket(
      perSecond: configuration.handshakesPerSecond,
      burst: configuration.handshakeBurst,
      at: now
    )
    halfOpen = HalfOpenTable(
      limit: configuration.halfOpenHandshakes,
      hostLimit: configuration.halfOpenHandshakesPerHost
    )
  }

  /// Takes one datagram.
  ///
  /// - Parameters:
  ///   - datagram: Exactly one UDP payload; it is not changed.
  ///   - address: Where it came from.
  ///   - now: The current instant.
  ///   - payload: As in ``SecureChannel/receive(_:from:at:into:)``.
  /// - Returns: What it was, and whose.
  package mutating func receive(
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant,
    into payload: inout ByteBuffer
  ) -> ListenerArrival {
    counts.datagrams += 1
    do throws(DatagramRejection) {
      return try take(datagram, from: address, at: now, into: &payload)
    } catch {
      counts.dropped += 1
      if error == .wrongKnock { counts.wrongKnocks += 1 }
      payload.clear()
      return .dropped(error)
    }
  }

  /// The next handshake packet that has to be sent.
  ///
  /// - Parameter buffer: Where it is appended.
  /// - Returns: Where it has to go; `nil`, with nothing appended, when there is none.
  package mutating func nextTransmission(into buffer: inout ByteBuffer) -> PathAddress? {
    guard let (packet, address) = outbox.next() else { return nil }
    buffer.writeImmutableBuffer(packet)
    return address
  }

  /// What was done so far.
  package var statistics: ListenerStatistics {
    var statistics = counts
    statistics.hashes += cookies.hashes
    return statistics
  }

  /// Established channels.
  package var channelCount: Int { channels.count }

  /// Handshakes that were answered in the last seconds.
  package var halfOpenCount: Int { halfOpen.count }

  /// Forgets a channel, whose datagrams are strangers' from then on. A channel that was closed is
  /// best kept for some round trips, to tell the peer again.
  package mutating func remove(_ id: ConnectionID) {
    channels[id] = nil
  }

  /// When ``deadlineReached(at:)`` has to be called.
  package var nextDeadline: Instant? { halfOpen.nextDeadline }

  package mutating func deadlineReached(at now: Instant) {
    halfOpen.expire(at: now)
  }

  private mutating func take(
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant,
    into payload: inout ByteBuffer
  ) throws(DatagramRejection) -> ListenerArrival {
    guard let first: UInt8 = datagram.getInteger(at: datagram.readerIndex) else {
      throw .malformed(.empty)
    }
    switch PacketType(firstByte: first) {
    case .data: return try takeData(datagram, from: address, at: now, into: &payload)
    case .initial:
      try takeInitial(datagram, from: address, at: now)
      return .handshake
    case .response, .retry: throw .malformed(.unexpectedType)
    case nil: throw .malformed(.unknownType(first))
    }
  }
}
