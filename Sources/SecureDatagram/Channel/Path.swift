internal import HawserPrimitives

/// One way to the peer, and what is known about it.
struct Path {
  let address: PathAddress
  /// Whether the peer has proved that it receives there.
  private(set) var isValidated: Bool
  /// Bytes of authentic datagrams from there, while it is not validated.
  private var received = 0
  /// Bytes sent there while it was not validated.
  private var sent = 0
  var size: SizeSearch
  private(set) var challenge: PathChallenge?

  init(validated address: PathAddress, size: SizeSearch) {
    self.address = address
    isValidated = true
    self.size = size
  }

  /// A path that has to be proved first.
  init(challenging address: PathAddress, by challenge: PathChallenge, size: SizeSearch) {
    self.address = address
    isValidated = false
    self.size = size
    self.challenge = challenge
  }

  /// How many bytes may be sent there; `Int.max` for a path that is validated.
  var allowance: Int {
    isValidated ? .max : received * DatagramLimits.amplificationFactor - sent
  }

  mutating func noteReceived(bytes: Int, at now: Instant) {
    if !isValidated { received += bytes }
    size.heard(at: now)
  }

  mutating func noteSent(bytes: Int) {
    if !isValidated { sent += bytes }
  }

  /// Asks for a proof, although the path may have been validated before.
  mutating func start(_ challenge: PathChallenge) {
    self.challenge = challenge
  }

  /// Sends nothing any more, but still takes an answer.
  mutating func parkChallenge() {
    challenge?.park()
  }

  /// Sends a parked challenge again, as many times as a new one.
  mutating func unparkChallenge(at now: Instant) {
    if let unparked = challenge?.unparked(at: now) { challenge = unparked }
  }

  mutating func endChallenge() {
    challenge = nil
  }

  /// - Returns: Whether `token` is the challenge's, which is settled then.
  mutating func takeResponse(_ token: UInt64) -> Bool {
    guard challenge?.token == token else { return false }
    challenge = nil
    isValidated = true
    return true
  }

  /// The token to be sent now.
  mutating func nextChallenge(at now: Instant) -> UInt64? {
    challenge?.next(at: now)
  }
}

/// A number that the peer has to send back, to prove that it receives at an address
/// (RFC 9000 §8.2).
struct PathChallenge {
  /// The same for each repetition: an answer to any of them is a proof.
  let token: UInt64
  /// The time between two repetitions.
  private let pause: Duration
  private var sent = 0
  /// When it is sent again; `nil` once it has been sent often enough, or is parked.
  private(set) var repetition: Instant?
  /// When it is given up, sent or not; `nil` while it is parked.
  private(set) var limit: Instant?

  init(token: UInt64, roundTrip: Duration, at now: Instant) {
    self.token = token
    pause = max(roundTrip, DatagramLimits.minimumRepetition)
    repetition = now
    let time = pause * (DatagramLimits.challenges + 1)
    limit = now + max(time, DatagramLimits.minimumChallengeTime)
  }

  /// Whether it has had its time.
  func isOver(at now: Instant) -> Bool {
    limit.map { now >= $0 } ?? false
  }

  /// What is to be done next: sending it again, if that may be, or giving it up.
  func deadline(maySend: Bool) -> Instant? {
    maySend ? repetition ?? limit : limit
  }

  mutating func park() {
    repetition = nil
    limit = nil
  }

  /// A parked challenge from the start.
  func unparked(at now: Instant) -> PathChallenge? {
    limit == nil ? PathChallenge(token: token, roundTrip: pause, at: now) : nil
  }

  /// The token, when it is to be sent now.
  mutating func next(at now: Instant) -> UInt64? {
    guard let due = repetition, now >= due else { return nil }
    sent += 1
    repetition = sent < DatagramLimits.challenges ? now + pause : nil
    return token
  }
}
