/// What the administration API administers: all that this module sees of a server.
package protocol AdminBackend: Sendable {
  /// The state at this moment.
  func status() async -> AdminStatus

  /// Revokes the token `id` for good and ends its sessions.
  ///
  /// - Returns: The number of sessions ended; `nil` when there is no such token.
  /// - Throws: When the store can't be written; nothing is revoked then.
  func revokeToken(_ id: String) async throws -> Int?
}

/// What `POST /v1/tokens/{id}/revoke` answers.
package struct TokenRevocation: Codable, Sendable, Equatable {
  package var id: String
  /// The sessions that were ended.
  package var sessionsEnded: Int

  package init(id: String, sessionsEnded: Int) {
    self.id = id
    self.sessionsEnded = sessionsEnded
  }
}

/// What every refused request answers.
package struct AdminProblem: Codable, Sendable, Equatable {
  /// A name for scripts.
  package var error: String
  /// A sentence for people.
  package var message: String

  package init(error: String, message: String) {
    self.error = error
    self.message = message
  }
}
