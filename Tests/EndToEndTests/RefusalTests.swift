import Foundation
import Testing

/// Who may not join is told so, and what to do, and does not try for ever.
@Suite(.timeLimit(.minutes(10))) struct RefusalTests {
  @Test(arguments: TransportUnderTest.allCases)
  func `a wrong token ends the provider with 69 and a sentence`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let server = try lab.server()
      let wrong = try server.joinURL().replacing(
        /\/\/[^@]*@/,
        with: "//abcdefgh_\(String(repeating: "A", count: 32))@"
      )
      let provider = try lab.startProvider(join: wrong, target: "9")
      #expect(try provider.exitStatus() == 69)
      #expect(provider.logText.contains("token"))
      #expect(!provider.logText.contains(String(repeating: "A", count: 32)), "the secret is out")
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a wrong server key ends the provider with 69 and a sentence`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let server = try lab.server()
      let stranger = try lab.server()
      let key = try #require(stranger.joinURL().split(separator: "key=").last)
      let wrong = try server.joinURL().replacing(/key=.*/, with: "key=\(key)")
      let provider = try lab.startProvider(join: wrong, target: "9")
      #expect(try provider.exitStatus() == 69)
      #expect(provider.logText.contains("key"))
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `revoking a token ends its provider within a second, and it may not come back`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let state = server.state.path(percentEncoded: false)
      let created = try lab.run(["token", "create", "--state", state, "--user", "ann"])
      try #require(created.status == 0, "\(created.errors)")
      let join = try #require(created.output.firstMatch(of: /hawser:\/\/([a-z0-9]+)_[^\s]+/))
      let url = try tokenURL(String(join.0), on: server)
      let provider = try lab.provider(join: url, target: "127.0.0.1:\(target.port)")
      let client = try server.client()
      try client.exchange("hello\n")

      let revoked = try lab.run(["token", "revoke", String(join.1), "--state", state])
      try #require(revoked.status == 0, "\(revoked.errors)")
      let from = ContinuousClock.now
      let status = try provider.exitStatus()
      print("a revoked provider ended after \(ContinuousClock.now - from)")
      #expect(status == 69)
      #expect(ContinuousClock.now - from < .seconds(4))
      #expect(provider.logText.contains("revoked"))
      #expect(try client.readAll().end == .reset)

      let again = try lab.startProvider(join: url, target: "9")
      #expect(try again.exitStatus() == 69)
      #expect(again.logText.contains("token"))
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a server that is not there is tried for ever`(transport: TransportUnderTest) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let first = try lab.server()
      let url = try first.joinURL()
      first.process.kill()
      let provider = try lab.startProvider(join: url, target: "127.0.0.1:\(target.port)")
      letPass(.seconds(2))
      #expect(provider.isRunning)
      let second = try lab.server(
        state: first.state,
        control: first.controlPort,
        listen: first.publicPort
      )
      _ = try provider.ready()
      try second.client().exchange("hello\n")
    }
  }

  /// The URL of a token, with the address at which the server is really bound.
  private func tokenURL(_ url: String, on server: RunningServer) throws -> String {
    let token = try #require(url.firstMatch(of: /\/\/([^@]*)@/))
    return try server.joinURL().replacing(/\/\/[^@]*@/, with: "//\(token.1)@")
  }
}
