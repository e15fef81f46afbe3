package import HawserPrimitives

/// Where the records of tokens live. Several processes may use one store at once: the server reads
/// while the command line writes, so nothing may be cached across calls.
package protocol CredentialStore: Sendable {
  /// The record of a token, or `nil` when there is none.
  func find(_ id: TokenID) async throws(CredentialsError) -> TokenRecord?

  /// Adds a record.
  ///
  /// - Throws: ``CredentialsError/tokenExists(_:)`` when its id is taken.
  func insert(_ record: TokenRecord) async throws(CredentialsError)

  /// Revokes a token for good; the record stays, so that logs and lists can still name it.
  func revoke(_ id: TokenID, at now: WallClockTime) async throws(CredentialsError) -> Revocation

  /// All records, oldest first.
  func list() async throws(CredentialsError) -> [TokenRecord]

  /// Those of `ids` whose sessions must end: revoked, expired or unknown.
  ///
  /// A server asks twice a second with the tokens of its sessions, so that a revocation by another
  /// process takes effect within a second.
  func unusable(
    among ids: Set<TokenID>,
    at now: WallClockTime
  ) async throws(CredentialsError) -> Set<TokenID>
}

/// What became of a wish to revoke a token.
package enum Revocation: Sendable, Equatable {
  case revoked
  /// It had been revoked before, at the given time, which stays.
  case alreadyRevoked(WallClockTime)
  case unknownToken
}

extension CredentialStore {
  /// Asks for each token by itself; stores that can answer at once do.
  package func unusable(
    among ids: Set<TokenID>,
    at now: WallClockTime
  ) async throws(CredentialsError) -> Set<TokenID> {
    var unusable: Set<TokenID> = []
    for id in ids where try await find(id)?.isUsable(at: now) != true {
      unusable.insert(id)
    }
    return unusable
  }
}
