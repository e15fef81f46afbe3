internal import HawserCryptography
internal import HawserPrimitives

/// Gives each datagram that is sent its number and its key; no number twice.
struct SendingKeys {
  private var ratchet: KeyRatchet
  private(set) var key: AEADKey
  /// The next number that has not been given away; `nil` when all have.
  private(set) var nextNumber: UInt64?
  private var epoch: UInt64
  /// When the first datagram of the epoch was sent.
  private var epochBegan: Instant?
  /// Whether the peer was heard since.
  private var heardInEpoch = false

  /// Begins with the number `first`, and with it the epoch that the ratchet's next key is for; not
  /// 0 in tests of the end only.
  init(_ ratchet: KeyRatchet, first: UInt64 = 0) {
    self.ratchet = ratchet
    key = self.ratchet.next()
    nextNumber = first
    epoch = first >> DatagramLimits.epochBits
  }

  /// Takes the next number; ``key`` is the one that goes with it from then on.
  ///
  /// - Returns: `nil` when there is none left, which ends the channel: none may come twice.
  mutating func takeNumber(at now: Instant) -> UInt64? {
    guard var number = nextNumber else { return nil }
    if let epochBegan, heardInEpoch, now - epochBegan >= DatagramLimits.keyLifetime {
      // The rest of the epoch is left out. Only once the peer was heard: one that hears nothing
      // of us must not fall so far behind that it takes us for a forger.
      let (following, overflow) = (epoch << DatagramLimits.epochBits)
        .addingReportingOverflow(1 << DatagramLimits.epochBits)
      if !overflow { number = following }
    }
    let numberEpoch = number >> DatagramLimits.epochBits
    if numberEpoch != epoch {
      epoch = numberEpoch
      key = ratchet.next()
      epochBegan = now
      heardInEpoch = false
    } else if epochBegan == nil {
      epochBegan = now
    }
    nextNumber = number == .max ? nil : number + 1
    return number
  }

  /// The peer was heard.
  mutating func heard() {
    heardInEpoch = true
  }
}
