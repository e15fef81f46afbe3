import Foundation
import HawserCredentials
import HawserCryptography
import HawserFaultRelay
import HawserPrimitives
import HawserRouting
import HawserTunnel
import Logging
import NIOCore
import NIOPosix

/// A server, a way to make providers for it, and what they need: all in this process, on loopback.
struct Tunnel {
  let server: Server
  let control: Int
  let listen: Int
  let store: MemoryStore
  let token: Token
  let identity: ServerIdentity

  static let group = MultiThreadedEventLoopGroup.singleton

  /// Starts a server with one token.
  static func start(
    configure: (inout ServerConfiguration) -> Void = { _ in }
  ) async throws -> Tunnel {
    let store = MemoryStore()
    let token = try await store.makeToken(user: "ada")
    return try await start(.generate(), store, token, configure: configure)
  }

  /// Another server of the same identity and tokens that knows none of this one's sessions: what is
  /// there after a crash and a restart.
  func restarted() async throws -> Tunnel {
    try await Self.start(identity, store, token) { _ in }
  }

  private static func start(
    _ identity: ServerIdentity,
    _ store: MemoryStore,
    _ token: Token,
    configure: (inout ServerConfiguration) -> Void
  ) async throws -> Tunnel {
    var configuration = ServerConfiguration(identity: identity)
    configuration.address = "127.0.0.1"
    configuration.controlPort = 0
    configuration.listenPort = 0
    configuration.drainTime = .milliseconds(200)
    configure(&configuration)
    let server = Server(
      configuration: configuration,
      store: store,
      loop: group.next(),
      logger: quiet("server")
    )
    let bound = try await server.start()
    return Tunnel(
      server: server,
      control: Int(bound.control.port),
      listen: Int(bound.entries.first?.port ?? 0),
      store: store,
      token: token,
      identity: identity
    )
  }

  /// A provider that is not started yet, for targets or `PORT=TARGET`. `port`: where it dials, the
  /// server itself or a relay before it. `client`: the same for two that replace each other.
  func makeProvider(
    _ targets: [String],
    through port: Int? = nil,
    token: Token? = nil,
    client: RandomID? = nil,
    seed: UInt64 = 1,
    configure: (inout ProviderConfiguration) -> Void = { _ in }
  ) throws -> Provider {
    var random = SystemRandomNumberGenerator()
    let join = JoinURL(
      token: token ?? self.token,
      host: try Host("127.0.0.1"),
      port: UInt16(port ?? control),
      keys: [identity.joinKey]
    )
    let services = try targets.map { text in
      text.contains("=")
        ? try ServiceEntry(portMapping: text)
        : ServiceEntry(entrance: .serverEntry, target: try TargetAddress(text: text))
    }
    var configuration = ProviderConfiguration(
      join: join,
      services: services,
      name: "test",
      client: client ?? RandomID(using: &random)
    )
    configuration.drainTime = .milliseconds(200)
    configure(&configuration)
    return Provider(
      configuration: configuration,
      generator: SeededGenerator(seed: seed),
      loop: Self.group.next(),
      logger: Self.quiet("provider")
    )
  }

  /// Waits until the server's status is as wanted; looks again every few milliseconds.
  func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    _ condition: @escaping @Sendable (ServerStatus) -> Bool
  ) async throws {
    try await Tunnel.eventually(what, within: limit) {
      await server.status().map(condition) ?? false
    }
  }

  /// Waits until `condition` holds.
  static func eventually(
    _ what: String,
    within limit: Duration = .seconds(30),
    _ condition: () async throws -> Bool
  ) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
      if try await condition() { return }
      try await group.next().scheduleTask(in: .milliseconds(2)) {}.futureResult.get()
    }
    throw TestFailure.timeout(what)
  }

  private static let level: Logger.Level =
    ProcessInfo.processInfo.environment["TUNNEL_LOG"].flatMap(Logger.Level.init(rawValue:))
    ?? .critical

  private static func quiet(_ label: String) -> Logger {
    var logger = Logger(label: label)
    logger.logLevel = Self.level
    return logger
  }
}

enum TestFailure: Error {
  case timeout(String)
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

/// Tokens in memory.
actor MemoryStore: CredentialStore {
  private var records: [TokenID: TokenRecord] = [:]

  func makeToken(
    user: String,
    ports: [PortRange] = [],
    scopes: Set<TokenScope> = [.connect]
  ) throws -> Token {
    var random = SystemRandomNumberGenerator()
    let token = Token(using: &random)
    var record = TokenRecord(
      of: token,
      user: try UserName(user),
      scopes: scopes,
      createdAt: WallClockTime(secondsSince1970: 0)
    )
    record.ports = ports
    records[token.id] = record
    return token
  }

  func find(_ id: TokenID) async throws(CredentialsError) -> TokenRecord? { records[id] }

  func insert(_ record: TokenRecord) async throws(CredentialsError) {
    records[record.id] = record
  }

  func revoke(
    _ id: TokenID,
    at now: WallClockTime
  ) async throws(CredentialsError) -> Revocation {
    guard records[id] != nil else { return .unknownToken }
    records[id]?.revokedAt = now
    return .revoked
  }

  func revokeNow(_ id: TokenID) {
    records[id]?.revokedAt = WallClockTime(secondsSince1970: 1)
  }

  func list() async throws(CredentialsError) -> [TokenRecord] { Array(records.values) }
}
