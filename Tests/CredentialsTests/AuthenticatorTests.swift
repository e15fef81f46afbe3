import HawserCredentials
import HawserCryptography
import HawserPrimitives
import Testing

struct AuthenticatorTests {
  private let store = MemoryStore()
  private let token = makeToken()

  private func insertRecord(
    scopes: Set<TokenScope> = [.connect],
    expiresAt: WallClockTime? = nil
  ) async throws -> TokenRecord {
    var record = TokenRecord(
      of: token,
      user: try UserName("anna"),
      scopes: scopes,
      createdAt: .at(0)
    )
    record.expiresAt = expiresAt
    try await store.insert(record)
    return record
  }

  private func failure(
    of text: String,
    for scope: TokenScope = .connect,
    at now: WallClockTime = .at(10)
  ) async -> AuthenticationFailure? {
    do throws(AuthenticationFailure) {
      _ = try await Authenticator(store: store).authenticate(text, for: scope, at: now)
      return nil
    } catch {
      return error
    }
  }

  @Test
  func `the right token is let in`() async throws {
    let record = try await insertRecord()
    let authenticated = try await Authenticator(store: store)
      .authenticate(token.text, for: .connect, at: .at(10))
    #expect(authenticated == record)
  }

  @Test
  func `each failure has its own words for the operator`() async throws {
    _ = try await insertRecord(scopes: [.connect], expiresAt: .at(100))
    let id = token.id
    let wrong = "\(id)_" + Base64URL.encode([UInt8](repeating: 7, count: 24))
    let unknown = makeToken(2)
    #expect(
      await failure(of: "nonsense")?.operatorMessage
        == "the token has no ‘_’ between id and secret"
    )
    #expect(await failure(of: unknown.text)?.operatorMessage == "there is no token \(unknown.id)")
    #expect(await failure(of: wrong)?.operatorMessage == "wrong secret for token \(id) of anna")
    #expect(
      await failure(of: token.text, for: .admin)?.operatorMessage
        == "token \(id) of anna lacks the scope ‘admin’"
    )
    #expect(
      await failure(of: token.text, at: .at(100))?.operatorMessage
        == "token \(id) of anna expired at 2027-01-15T08:01:40Z"
    )
    _ = await store.revoke(id, at: .at(5))
    #expect(
      await failure(of: token.text)?.operatorMessage
        == "token \(id) of anna was revoked at 2027-01-15T08:00:05Z"
    )
  }

  @Test
  func `a wrong secret hides whether the token is revoked, expired or of another scope`()
    async throws
  {
    _ = try await insertRecord(scopes: [.forward], expiresAt: .at(1))
    _ = await store.revoke(token.id, at: .at(1))
    let wrong = "\(token.id)_" + Base64URL.encode([UInt8](repeating: 7, count: 24))
    #expect(
      await failure(of: wrong) == .wrongSecret(token.id, user: try UserName("anna"))
    )
  }

  @Test
  func `revoked comes before expired and expired before scope`() async throws {
    _ = try await insertRecord(scopes: [.forward], expiresAt: .at(1))
    let anna = try UserName("anna")
    #expect(await failure(of: token.text) == .expired(token.id, user: anna, at: .at(1)))
    _ = await store.revoke(token.id, at: .at(2))
    #expect(await failure(of: token.text) == .revoked(token.id, user: anna, at: .at(2)))
  }

  @Test
  func `a stranger reads one and the same text, whatever was wrong`() throws {
    let id = token.id
    let anna = try UserName("anna")
    let final: [AuthenticationFailure] = [
      .malformedToken(.invalidToken(reason: "is missing")), .unknownToken(id),
      .wrongSecret(id, user: anna), .revoked(id, user: anna, at: .at(0)),
      .expired(id, user: anna, at: .at(0)), .missingScope(id, user: anna, .connect),
    ]
    let temporary: [AuthenticationFailure] = [
      .tooManySessions(id, user: anna, maximum: 1), .tooManyAttempts(address: "10.0.0.1"),
      .storeFailed(.storeUnavailable(reason: "disk full")),
    ]
    #expect(Set(final.map(\.publicMessage)).count == 1)
    #expect(Set(temporary.map(\.publicMessage)).count == 1)
    #expect(final.allSatisfy { !$0.isTemporary } && temporary.allSatisfy(\.isTemporary))
    for failure in final + temporary {
      #expect(!failure.publicMessage.contains(id.text) && !failure.publicMessage.contains("anna"))
    }
  }

  @Test
  func `a store that fails is a temporary failure`() async throws {
    _ = try await insertRecord()
    await store.failFromNowOn(with: .storeUnavailable(reason: "disk full"))
    let failure = await failure(of: token.text)
    #expect(failure == .storeFailed(.storeUnavailable(reason: "disk full")))
    #expect(failure?.operatorMessage == "the credential store can't be used: disk full")
  }

  @Test
  func `a resumed session is checked without its secret`() async throws {
    let record = try await insertRecord()
    let authenticator = Authenticator(store: store)
    #expect(try await authenticator.recheck(token.id, for: .connect, at: .at(10)) == record)
    _ = await store.revoke(token.id, at: .at(11))
    await #expect(
      throws: AuthenticationFailure.revoked(token.id, user: try UserName("anna"), at: .at(11))
    ) { try await authenticator.recheck(token.id, for: .connect, at: .at(12)) }
    await #expect(throws: AuthenticationFailure.unknownToken(makeToken(2).id)) {
      try await authenticator.recheck(makeToken(2).id, for: .connect, at: .at(12))
    }
  }

  @Test
  func `a store names the tokens whose sessions must end`() async throws {
    _ = try await insertRecord(expiresAt: .at(100))
    let stranger = makeToken(2).id
    #expect(try await store.unusable(among: [token.id], at: .at(10)).isEmpty)
    #expect(try await store.unusable(among: [token.id, stranger], at: .at(10)) == [stranger])
    #expect(try await store.unusable(among: [token.id], at: .at(100)) == [token.id])
  }
}
