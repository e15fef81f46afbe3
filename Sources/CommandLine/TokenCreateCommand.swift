internal import ArgumentParser
internal import Foundation
internal import HawserCredentials
internal import HawserCryptography
internal import HawserPrimitives
internal import HawserStorage

/// `hawser token create`.
struct TokenCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Makes a token and prints its join URL, once.",
    discussion: """
      The URL is a secret, and can't be printed again: only a hash of it is kept. A running server \
      accepts the token at once.

      EXAMPLES
        hawser token create --state /var/lib/hawser --user ann
        hawser token create --user ann --ports 2000-2999 --expires 30d > join
      """
  )

  @OptionGroup var stateFlag: StateFlag

  @Option(help: ArgumentHelp("The owner of the token.", valueName: "name"))
  var user: String

  @Option(
    help: ArgumentHelp("What the token is for: connect, forward, admin, joined by commas.")
  )
  var scope = "connect"

  @Option(
    help: ArgumentHelp(
      "The ports that it may claim, such as 2000-2999,443. (default: 1024 and above)"
    )
  )
  var ports: String?

  @Option(help: ArgumentHelp("A domain that it may claim; may be repeated.", valueName: "name"))
  var domain: [String] = []

  @Option(
    help: ArgumentHelp(
      "How long it is accepted, such as 30d. (default: for ever)",
      valueName: "time"
    )
  )
  var expires: String?

  @Option(
    help: ArgumentHelp(
      "The host, or host:port, in the join URL. (default: the one the server last used)",
      valueName: "host"
    )
  )
  var publicHost: String?

  func run() async throws {
    let now = WallClockTime.now
    var generator = SecureRandom()
    let token = Token(using: &generator)
    let record = try record(of: token, at: now)
    let directory = try StateDirectory(creatingAt: stateFlag.path())
    let store = try directory.openCredentialStore()
    let identity = try directory.prepareIdentity(beside: store)
    let endpoint = try publicEndpoint(of: directory)
    try await store.insert(record)
    let url = JoinURL(
      token: token,
      host: endpoint.host,
      port: endpoint.port ?? JoinURL.defaultPort,
      keys: [identity.joinKey]
    )
    Terminal.print(url.text)
  }

  /// The record that the flags describe.
  ///
  /// - Throws: `ValidationError` when a flag is wrong.
  private func record(of token: Token, at now: WallClockTime) throws -> TokenRecord {
    do {
      var record = TokenRecord(
        of: token,
        user: try UserName(user),
        scopes: try TokenScope.parseList(scope),
        createdAt: now
      )
      record.domains = try domain.map { try Domain($0) }
      record.ports = try ports.map { try PortRange.parseList($0) } ?? []
      record.expiresAt = try expires.map { now + (try Duration(humanText: $0)) }
      return record
    } catch {
      throw ValidationError("\(error)")
    }
  }

  private func publicEndpoint(of directory: StateDirectory) throws -> HostAndPort {
    if let publicHost {
      do throws(HostError) {
        return try HostAndPort(publicHost)
      } catch {
        throw ValidationError("\(error)")
      }
    }
    if let known = try directory.publicEndpoint() { return known }
    return try HostAndPort(PublicHost.ofThisMachine)
  }
}
