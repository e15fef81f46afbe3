internal import HawserCryptography
package import HawserPrimitives

/// One end of an established channel: seals what the layer above sends, opens what comes in, knows
/// the way to the peer and how large a datagram it carries.
///
///     handshake ──▶ open ──── close(code:at:) ────▶ closing: says CLOSE, and again when asked
///                    └─ CLOSE received, numbers used up, a server that never spoke ──▶ ended
///
/// A client sends to where it was told to, and proves a new path when it moves. A server follows
/// the client's newest datagram; see ``SecureChannel/follow(_:bytes:at:)``.
///
/// Confined to one event loop. The caller drains ``nextTransmission(into:at:)`` and ``nextEvent()``
/// after each call that can change something, and calls ``deadlineReached(at:)`` when
/// ``nextDeadline`` has come.
package final class SecureChannel {
  enum Role {
    case client
    case server
  }

  enum State {
    case open
    /// CLOSE was said, and may be said so many times more.
    case closing(code: UInt64, repetitions: Int)
    case ended
  }

  /// What both ends need to begin with.
  struct Foundation {
    let role: Role
    let localID: ConnectionID
    let remoteID: ConnectionID
    let agreement: DatagramAgreement
    let keys: NoiseHandshake.Result
    /// The largest datagram that the interface takes, in bytes of UDP payload.
    let sizeLimit: Int
    let random: SecretGenerator
    /// The first packet number of either direction; not 0 in tests of the end only.
    var firstNumber: UInt64 = 0
  }

  /// What the peer puts in front of what it sends here.
  package let localID: ConnectionID
  /// What we put in front of what we send.
  let remoteID: ConnectionID
  /// What the handshake settled.
  package let agreement: DatagramAgreement
  /// The hash of the handshake, 32 bytes, which no other channel has: binds proofs to this one.
  package let binding: [UInt8]
  package internal(set) var statistics = SecureChannelStatistics()
  /// When the peer was last heard.
  package internal(set) var lastHeard: Instant
  /// The current round trip, for the pace of repetitions. The layer above sets it when it knows
  /// better than the last pong.
  package var roundTrip = DatagramLimits.initialRoundTrip

  let role: Role
  let random: SecretGenerator
  var sizeLimit: Int
  var state = State.open
  var sending: SendingKeys
  var receiving: ReceivingKeys

  /// Where datagrams go.
  var path: Path
  /// The last path that was proved, while the current one is not.
  var fallback: Path?
  /// Another address that a client has asked about.
  var probed: (address: PathAddress, challenge: PathChallenge)?
  var nextProbeNumber: UInt64 = 1

  var replies: [Reply] = []
  var events: [SecureChannelEvent] = []
  /// What a client does that has not heard from the server; `nil` once it has.
  var confirmation: Confirmation?
  var pings: [(number: UInt64, sent: Instant, isReported: Bool)] = []
  var nextPingNumber: UInt64 = 1
  var announcedPayload: Int

  /// Control messages that go out in one datagram.
  struct Reply {
    let messages: [ControlMessage]
    let address: PathAddress
    /// The datagram is filled up to so many bytes; 0 for not at all.
    var paddedTo = 0
  }

  /// Something that is done again at growing intervals.
  struct Repetition {
    private(set) var deadline: Instant
    private var interval = DatagramLimits.initialRepetition

    /// - Parameter deadline: The first time.
    init(at deadline: Instant) {
      self.deadline = deadline
    }

    /// - Returns: Whether it is time; the next one is set then.
    mutating func take(at now: Instant) -> Bool {
      guard now >= deadline else { return false }
      deadline = now + interval
      interval = min(interval * 2, DatagramLimits.maximumRepetitionInterval)
      return true
    }
  }

  /// The server has a channel only once it has opened a datagram, so a client makes sure that it
  /// gets one. It forgets the handshake after a while, and then there is nothing to hope for.
  struct Confirmation {
    var repetition: Repetition
    let limit: Instant
  }

  init(_ foundation: Foundation, path: Path, at now: Instant) {
    role = foundation.role
    localID = foundation.localID
    remoteID = foundation.remoteID
    agreement = foundation.agreement
    let keys = foundation.keys
    binding = keys.hash
    random = foundation.random
    sizeLimit = foundation.sizeLimit
    let cipher = foundation.agreement.cipher
    let fromInitiator = KeyRatchet(cipher: cipher, secret: keys.initiatorKey, binding: keys.hash)
    let fromResponder = KeyRatchet(cipher: cipher, secret: keys.responderKey, binding: keys.hash)
    let isClient = foundation.role == .client
    let first = foundation.firstNumber
    sending = SendingKeys(isClient ? fromInitiator : fromResponder, first: first)
    receiving = ReceivingKeys(isClient ? fromResponder : fromInitiator, first: first)
    self.path = path
    lastHeard = now
    announcedPayload = path.size.bytes - DatagramLimits.dataOverheadBytes
    if isClient {
      confirmation = Confirmation(
        repetition: Repetition(at: now),
        limit: now + DatagramLimits.halfOpenLifetime
      )
    }
  }

  /// Where datagrams go.
  package var address: PathAddress { path.address }

  /// The most bytes that a payload should have. A longer one is sent, and probably lost.
  package var maximumPayload: Int { path.size.bytes - DatagramLimits.dataOverheadBytes }

  /// How many bytes of datagrams may be sent; `Int.max` but for a server whose client has not
  /// proved yet that it is where its datagrams come from.
  package var sendAllowance: Int { max(0, path.allowance) }

  /// Whether the channel takes and gives payloads.
  package var isOpen: Bool {
    if case .open = state { true } else { false }
  }

  package func nextEvent() -> SecureChannelEvent? {
    events.isEmpty ? nil : events.removeFirst()
  }

  /// Ends the channel: says CLOSE with `code`, which means something to the layer above only, and
  /// delivers nothing any more.
  package func close(code: UInt64, at now: Instant) {
    guard isOpen else { return }
    state = .closing(code: code, repetitions: DatagramLimits.closeRepetitions)
    stopTimers()
    replies = [Reply(messages: [.close(code)], address: path.address)]
    events.append(.ended(.closedHere(code: code)))
  }

  func end(_ reason: ChannelEnd) {
    guard isOpen else { return }
    state = .ended
    stopTimers()
    replies = []
    events.append(.ended(reason))
  }

  private func stopTimers() {
    path.endChallenge()
    fallback = nil
    probed = nil
    confirmation = nil
  }

  /// Tells the layer above when ``maximumPayload`` has changed.
  func announcePayload() {
    guard maximumPayload != announcedPayload else { return }
    announcedPayload = maximumPayload
    events.append(.maximumPayloadChanged(maximumPayload))
  }

  func newChallenge(at now: Instant) -> PathChallenge {
    PathChallenge(token: random.next(), roundTrip: roundTrip, at: now)
  }

  // MARK: - Time

  /// When ``deadlineReached(at:)`` has to be called; may lie in the past.
  package var nextDeadline: Instant? {
    guard isOpen else { return receiving.previousExpires }
    // A challenge that must not be sent for want of allowance waits for the next datagram.
    let mayChallenge = path.allowance >= Self.controlDatagramBytes
    return [
      receiving.previousExpires,
      path.challenge?.deadline(maySend: mayChallenge),
      fallback?.challenge?.deadline(maySend: true),
      probed?.challenge.deadline(maySend: true),
      path.isValidated ? path.size.deadline : nil,
      confirmation.map { min($0.repetition.deadline, $0.limit) },
    ].compactMap(\.self).min()
  }

  /// Does what is due; what has to be sent then comes out of ``nextTransmission(into:at:)``.
  package func deadlineReached(at now: Instant) {
    receiving.expire(at: now)
    guard isOpen else { return }
    if let confirmation, now >= confirmation.limit { return end(.unanswered) }
    giveUpPaths(at: now)
  }
}
