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
  init(challenging address: PathAddress, token: UInt64, size: SizeSearch, at now: Instant) {
    self.address = address
    isValidated = false
    self.size = size
    challenge = PathChallenge(token: token, at: now)
  }

  /// How many bytes may be sent there; `Int.max` for a path that is validated.
  var allowance: Int {
    isValidated ? .max : received * DatagramLimits.amplificationFactor - sent
  }

  mutating func noteReceived(bytes: Int) {
    if !isValidated { received += bytes }
    size.heard()
  }

  mutating func noteSent(bytes: Int) {
    if !isValidated { sent += bytes }
  }

  /// Asks for a proof, although the path may have been validated before.
  mutating func startChallenge(token: UInt64, at now: Instant) {
    challenge = PathChallenge(token: token, at: now)
  }

  /// Sends nothing any more, but still takes an answer.
  mutating func parkChallenge() {
    challenge?.park()
  }

  /// Sends a parked challenge again, as many times as a new one.
  mutating func unparkChallenge(at now: Instant) {
    guard let parked = challenge, parked.deadline == nil else { return }
    challenge = PathChallenge(token: parked.token, at: now)
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
  mutating func nextChallenge(at now: Instant, roundTrip: Duration) -> UInt64? {
    challenge?.next(at: now, roundTrip: roundTrip)
  }
}

/// A number that the peer has to send back, to prove that it receives at an address
/// (RFC 9000 §8.2).
struct PathChallenge {
  /// The same for each repetition: an answer to any of them is a proof.
  let token: UInt64
  private var sent = 0
  /// When it is sent again, or given up; `nil` while it is parked.
  private(set) var deadline: Instant?

  init(token: UInt64, at now: Instant) {
    self.token = token
    deadline = now
  }

  /// Whether all repetitions have had their time.
  func isOver(at now: Instant) -> Bool {
    deadline.map { sent >= DatagramLimits.challenges && now >= $0 } ?? false
  }

  mutating func park() {
    deadline = nil
  }

  mutating func next(at now: Instant, roundTrip: Duration) -> UInt64? {
    guard let due = deadline, now >= due, sent < DatagramLimits.challenges else { return nil }
    // Twice in a quick row, then slower: the first answer is what data waits for.
    let pause = max(roundTrip, DatagramLimits.minimumRepetition)
    deadline = now + pause * (1 << min(sent / 2, 3))
    sent += 1
    return token
  }
}
