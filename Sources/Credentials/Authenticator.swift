internal import HawserCryptography
package import HawserPrimitives

/// Decides whether a token is let in.
///
/// The secret is compared before anything else is looked at, in constant time and for unknown ids
/// too, so that a stranger learns nothing: neither from the answer nor from its time.
package struct Authenticator: Sendable {
  private let store: any CredentialStore

  package init(store: any CredentialStore) {
    self.store = store
  }

  /// Checks a token that a peer has shown.
  ///
  /// - Parameters:
  ///   - tokenText: As it came from the peer, of any length and content.
  ///   - scope: What the peer wants.
  ///   - now: The time for expiry.
  /// - Returns: The record of the token.
  /// - Throws: ``AuthenticationFailure``.
  package func authenticate(
    _ tokenText: String,
    for scope: TokenScope,
    at now: WallClockTime
  ) async throws(AuthenticationFailure) -> TokenRecord {
    let token: Token
    do throws(CredentialsError) {
      token = try Token(text: tokenText)
    } catch {
      throw .malformedToken(error)
    }
    let record = try await find(token.id)
    let isRight = constantTimeEqual(
      token.secretHash,
      record?.secretHash ?? Self.hashOfNoSecret
    )
    guard let record else { throw .unknownToken(token.id) }
    guard isRight else { throw .wrongSecret(token.id, user: record.user) }
    try Self.checkStanding(of: record, for: scope, at: now)
    return record
  }

  /// Checks a token again that was authenticated before, when its session is resumed.
  ///
  /// - Parameters:
  ///   - id: The token of the session.
  ///   - scope: What the session was made for.
  ///   - now: The time for expiry.
  /// - Returns: The record as it is now.
  /// - Throws: ``AuthenticationFailure``.
  package func recheck(
    _ id: TokenID,
    for scope: TokenScope,
    at now: WallClockTime
  ) async throws(AuthenticationFailure) -> TokenRecord {
    guard let record = try await find(id) else { throw .unknownToken(id) }
    try Self.checkStanding(of: record, for: scope, at: now)
    return record
  }

  private func find(_ id: TokenID) async throws(AuthenticationFailure) -> TokenRecord? {
    do throws(CredentialsError) {
      return try await store.find(id)
    } catch {
      throw .storeFailed(error)
    }
  }

  private static func checkStanding(
    of record: TokenRecord,
    for scope: TokenScope,
    at now: WallClockTime
  ) throws(AuthenticationFailure) {
    if let revokedAt = record.revokedAt {
      throw .revoked(record.id, user: record.user, at: revokedAt)
    }
    if let expiresAt = record.expiresAt, record.isExpired(at: now) {
      throw .expired(record.id, user: record.user, at: expiresAt)
    }
    guard record.scopes.contains(scope) else {
      throw .missingScope(record.id, user: record.user, scope)
    }
  }

  /// What the hash of an unknown token is compared with; no secret hashes to it.
  private static let hashOfNoSecret = [UInt8](repeating: 0, count: SHA256.byteCount)
}

/// Why a peer was not let in. The operator sees which check failed, a stranger does not.
package enum AuthenticationFailure: Error, Equatable {
  /// The text is no token at all.
  case malformedToken(CredentialsError)
  /// The store has no token of this id.
  case unknownToken(TokenID)
  /// The id is known, the secret is another one.
  case wrongSecret(TokenID, user: UserName)
  /// The token was revoked.
  case revoked(TokenID, user: UserName, at: WallClockTime)
  /// The token has expired.
  case expired(TokenID, user: UserName, at: WallClockTime)
  /// The token is not for this use.
  case missingScope(TokenID, user: UserName, TokenScope)
  /// The token has as many sessions as it may have.
  case tooManySessions(TokenID, user: UserName, maximum: Int)
  /// The address has failed too often; nothing was checked.
  case tooManyAttempts(address: String)
  /// The store couldn't be asked.
  case storeFailed(CredentialsError)

  /// For the server's log; names the token's id, never its secret.
  package var operatorMessage: String {
    switch self {
    case .malformedToken(let error): "\(error)"
    case .unknownToken(let id): "there is no token \(id)"
    case .wrongSecret(let id, let user): "wrong secret for token \(id) of \(user)"
    case .revoked(let id, let user, let time): "token \(id) of \(user) was revoked at \(time)"
    case .expired(let id, let user, let time): "token \(id) of \(user) expired at \(time)"
    case .missingScope(let id, let user, let scope):
      "token \(id) of \(user) lacks the scope ‘\(scope.rawValue)’"
    case .tooManySessions(let id, let user, let maximum):
      "token \(id) of \(user) has \(maximum) sessions, as many as it may have"
    case .tooManyAttempts(let address): "too many failed attempts from \(address)"
    case .storeFailed(let error): "\(error)"
    }
  }

  /// Whether the peer may succeed with the same token later, and should try again.
  package var isTemporary: Bool {
    switch self {
    case .malformedToken, .unknownToken, .wrongSecret, .revoked, .expired, .missingScope: false
    case .tooManySessions, .tooManyAttempts, .storeFailed: true
    }
  }

  /// For the peer: one text for everything that is final, and one for everything that is not.
  package var publicMessage: String {
    isTemporary
      ? "the server can't let anybody in from here just now; try again later"
      : "the server does not accept this token; ask its operator for a new join URL"
  }
}
