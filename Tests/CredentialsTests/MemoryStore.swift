import HawserCredentials
import HawserPrimitives

/// A store for tests that can be told to fail.
actor MemoryStore: CredentialStore {
  private var records: [TokenID: TokenRecord] = [:]
  private var failure: CredentialsError?

  func failFromNowOn(with failure: CredentialsError) {
    self.failure = failure
  }

  func find(_ id: TokenID) throws(CredentialsError) -> TokenRecord? {
    if let failure { throw failure }
    return records[id]
  }

  func insert(_ record: TokenRecord) throws(CredentialsError) {
    guard records[record.id] == nil else { throw .tokenExists(record.id) }
    records[record.id] = record
  }

  func revoke(_ id: TokenID, at now: WallClockTime) -> Revocation {
    guard let revokedAt = records[id]?.revokedAt else {
      records[id]?.revokedAt = now
      return records[id] == nil ? .unknownToken : .revoked
    }
    return .alreadyRevoked(revokedAt)
  }

  func list() -> [TokenRecord] {
    records.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
  }
}

/// Numbers that are the same in every run (SplitMix64, Steele et al. 2014).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}

/// The token number `seed`.
func makeToken(_ seed: UInt64 = 1) -> Token {
  var generator = SeededGenerator(state: seed)
  return Token(using: &generator)
}

extension WallClockTime {
  /// `seconds` after an arbitrary beginning.
  static func at(_ seconds: Int64) -> WallClockTime {
    WallClockTime(secondsSince1970: 1_800_000_000 + seconds)
  }
}
