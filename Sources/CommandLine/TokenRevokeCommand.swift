internal import ArgumentParser
internal import HawserAdmin
internal import HawserCredentials
internal import HawserPrimitives
internal import HawserStorage

/// `hawser token revoke`.
struct TokenRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Revokes a token for good; a running server ends its sessions at once.",
    discussion: """
      EXAMPLE
        hawser token revoke --state /var/lib/hawser k3v9x0ab
      """
  )

  @OptionGroup var stateFlag: StateFlag

  @Argument(help: "The token's id, the part of the token before the `_`.")
  var id: String

  func run() async throws {
    let token: TokenID
    do throws(CredentialsError) {
      token = try TokenID(id)
    } catch {
      throw ValidationError("\(error)")
    }
    let directory = try StateDirectory(existingAt: stateFlag.path())
    do throws(AdminError) {
      let answer = try await AdminClient(path: directory.adminSocketPath).revokeToken(token.text)
      Terminal.print("revoked \(token); sessions ended: \(answer.sessionsEnded)")
    } catch {
      guard case .notRunning = error else { throw error }
      try await revoke(token, in: directory)
    }
  }

  /// Revokes without a server.
  private func revoke(_ token: TokenID, in directory: StateDirectory) async throws {
    switch try await directory.openCredentialStore().revoke(token, at: .now) {
    case .revoked: Terminal.print("revoked \(token); no server is running")
    case .alreadyRevoked(let time): Terminal.print("\(token) was revoked before, at \(time)")
    case .unknownToken:
      throw CommandFailure(.refused, "there is no token with the id \(token)")
    }
  }
}
