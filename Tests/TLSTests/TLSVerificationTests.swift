import HawserTLS
import NIOCore
import Testing

struct `A TLS client` {
  @Test func `accepts any of several pinned keys`() throws {
    let other = [UInt8](repeating: 1, count: 32)
    let pair = try EnginePair.open(verification: .pinned([other, TestIdentity.publicKey]))
    #expect(pair.client.state == .open)
  }

  @Test(arguments: [[], [[UInt8](repeating: 1, count: 32)]])
  func `refuses a server whose key is not pinned, before it says anything`(pins: [[UInt8]]) throws {
    var pair = try EnginePair(verification: .pinned(pins))
    try pair.client.start()
    let (clientError, serverError) = pair.exchangeUntilOver()
    #expect(clientError == .wrongServerKey)
    #expect(serverError != nil)
    #expect(pair.server.state != .open)
  }

  @Test func `that pins gets the identity, and one that doesn't the authority's certificate`()
    throws
  {
    for authority in [TestAuthority.ecdsa, .rsa] {
      let signed = AuthoritySignedCertificate(
        chainPEM: Array(authority.chainPEM.utf8),
        privateKeyPEM: Array(authority.keyPEM.utf8)
      )
      var pinning = try EnginePair(authoritySigned: signed)
      try pinning.client.start()
      try pinning.exchange()
      #expect(pinning.client.peerKey == TestIdentity.publicKey)

      var verifying = try EnginePair(
        verification: .webPKI(
          hostName: "hawser.test",
          roots: .pem(Array(authority.rootPEM.utf8))
        ),
        authoritySigned: signed
      )
      try verifying.client.start()
      try verifying.exchange()
      #expect(verifying.client.state == .open)
      #expect(verifying.client.peerKey == nil)
    }
  }

  @Test(arguments: ["127.0.0.1", "hawser.test", "a.wild.test"])
  func `accepts the names and addresses of the certificate`(name: String) throws {
    #expect(try outcome(hostName: name) == nil)
  }

  @Test(arguments: ["127.0.0.2", "example.com", "sub.hawser.test", "wild.test", "a.b.wild.test"])
  func `refuses a certificate of another name`(name: String) throws {
    let error = try #require(try outcome(hostName: name))
    guard case .untrustedCertificate = error else {
      Issue.record("got \(error)")
      return
    }
  }

  @Test func `refuses an authority that it doesn't know`() throws {
    let error = try outcome(
      hostName: "hawser.test",
      roots: .pem(Array(TestAuthority.rsa.rootPEM.utf8))
    )
    guard case .untrustedCertificate? = error else {
      Issue.record("got \(String(describing: error))")
      return
    }
  }

  @Test func `refuses a self-signed identity when it verifies by the system's roots`() throws {
    var pair = try EnginePair(verification: .webPKI(hostName: "hawser.test"))
    try pair.client.start()
    let (clientError, _) = pair.exchangeUntilOver()
    guard case .untrustedCertificate? = clientError else {
      Issue.record("got \(String(describing: clientError))")
      return
    }
  }

  /// What a client that verifies by names says about a server with the ECDSA certificate.
  private func outcome(
    hostName: String,
    roots: TrustedRoots = .pem(Array(TestAuthority.ecdsa.rootPEM.utf8))
  ) throws -> TLSError? {
    let authority = TestAuthority.ecdsa
    let signed = AuthoritySignedCertificate(
      chainPEM: Array(authority.chainPEM.utf8),
      privateKeyPEM: Array(authority.keyPEM.utf8)
    )
    var pair = try EnginePair(
      verification: .webPKI(hostName: hostName, roots: roots),
      authoritySigned: signed
    )
    try pair.client.start()
    return pair.exchangeUntilOver().client
  }
}

struct `A TLS server's context` {
  @Test func `needs a seed of 32 bytes`() {
    for count in [0, 31, 33, 64] {
      #expect(throws: TLSError.invalidSeed) {
        try TLSContext.server(ed25519Seed: [UInt8](repeating: 7, count: count))
      }
    }
  }

  @Test func `refuses keys and chains that it can't use`() throws {
    let good = TestAuthority.ecdsa
    let other = TestAuthority.rsa
    let bad: [(chain: String, key: String)] = [
      ("", good.keyPEM), ("nonsense", good.keyPEM), (good.chainPEM, ""),
      (good.chainPEM, "nonsense"), (good.chainPEM, other.keyPEM),
      (String(good.chainPEM.dropLast(200)), good.keyPEM),
    ]
    for (index, pair) in bad.enumerated() {
      #expect("case \(index)") {
        try TLSContext.server(
          ed25519Seed: TestIdentity.seed,
          authoritySigned: AuthoritySignedCertificate(
            chainPEM: Array(pair.chain.utf8),
            privateKeyPEM: Array(pair.key.utf8)
          )
        )
      } throws: { error in
        guard case TLSError.unusableCertificate = error else { return false }
        return true
      }
    }
  }

  @Test func `refuses an encrypted key instead of asking for a password`() throws {
    #expect(throws: TLSError.self) {
      try TLSContext.server(
        ed25519Seed: TestIdentity.seed,
        authoritySigned: AuthoritySignedCertificate(
          chainPEM: Array(TestAuthority.ecdsa.chainPEM.utf8),
          privateKeyPEM: Array(TestAuthority.encryptedKeyPEM.utf8)
        )
      )
    }
  }
}
