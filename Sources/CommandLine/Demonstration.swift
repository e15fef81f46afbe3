internal import HawserCredentials
internal import HawserCryptography
internal import HawserFaultRelay
internal import HawserPrimitives
internal import HawserRouting
internal import HawserTunnel
internal import Logging
internal import NIOCore
internal import NIOPosix

/// A server, a provider, a target and a client in one process, with a relay that is cut between
/// the first two:
///
///     client ─▶ server ◀─ relay ◀─ provider ─▶ target
struct Demonstration {
  /// Bytes per second through the relay: chosen so that there is time to look.
  private static let rate = 16 << 20
  private static let host = "127.0.0.1"

  private let outage: Duration
  private let contents: ByteBuffer
  private let target: DemonstrationTarget
  private let server: Server
  private let relay: FaultRelay
  private let provider: Provider
  private let publicPort: Int

  /// Starts everything but the client, and says where it is.
  ///
  /// - Parameters:
  ///   - size: What the client downloads, in bytes.
  ///   - outage: How long the link is down.
  /// - Throws: What keeps a part from starting.
  init(size: Int, outage: Duration) async throws {
    self.outage = outage
    contents = Self.randomBytes(size)
    let group = MultiThreadedEventLoopGroup.singleton
    let logger = Logger(label: "hawser.demo")
    target = try await DemonstrationTarget(contents: contents, on: group)

    var generator = SecureRandom()
    let token = Token(using: &generator)
    let identity = ServerIdentity.generate()
    var configuration = ServerConfiguration(identity: identity)
    configuration.address = Self.host
    configuration.controlPort = 0
    configuration.listenPort = 0
    server = Server(
      configuration: configuration,
      store: try OneTokenStore(token: token),
      loop: group.next(),
      logger: logger
    )
    let bound = try await server.start()
    publicPort = bound.entries.first.map { Int($0.port) } ?? 0
    Self.say("server    on port \(bound.control.port), clients on port \(publicPort)")

    relay = try await FaultRelay.start(
      listen: Self.host,
      port: 0,
      to: Self.host,
      port: Int(bound.control.port),
      on: group
    )
    try await relay.throttle(bytesPerSecond: Self.rate)
    Self.say("bad path  on port \(relay.port): what the provider dials instead of the server")

    provider = try Self.provider(
      join: JoinURL(
        token: token,
        host: Host(Self.host),
        port: UInt16(clamping: relay.port),
        keys: [identity.joinKey]
      ),
      targetPort: target.port,
      loop: group.next(),
      logger: logger
    )
    _ = try await provider.start()
    Self.say("provider  joined; the target is on port \(target.port)")
  }

  /// Downloads through the cut, checks, prints the figures, and ends all parts.
  ///
  /// - Throws: ``CommandFailure`` when the client did not get every byte once.
  func run() async throws {
    let download = DemonstrationDownload(
      size: contents.readableBytes,
      say: Self.say,
      cut: { [relay, outage] in
        try await relay.refuse(true)
        try await relay.cut()
        Self.say("✂ the link is cut, and stays down for \(outage.humanText)")
        try await Task.sleep(for: outage)
        try await relay.refuse(false)
        Self.say("the path is back")
      }
    )
    let result = try await download.run(host: Self.host, port: publicPort)
    let resumes = await server.status()?.counters.sessionsResumed ?? 0
    await provider.stop()
    await server.stop()
    await relay.stop()
    await target.stop()
    try report(result, resumes: resumes)
  }

  private func report(_ result: DemonstrationDownload.Outcome, resumes: UInt64) throws {
    let expected = Self.digest(contents)
    let received = Self.digest(result.bytes)
    Terminal.print()
    Terminal.print("  sent      sha256 \(expected)")
    Terminal.print("  received  sha256 \(received)")
    Terminal.print(
      "  \(StatusReport.bytes(result.bytes.readableBytes)) in \(Self.seconds(result.duration)), "
        + "longest pause \(Self.seconds(result.longestPause)), one client connection, "
        + "link resumed \(resumes) time(s)"
    )
    if let firstByte = result.firstByteAfterReturn {
      Terminal.print("  first byte \(firstByte.humanText) after the path's return")
    }
    Terminal.print()
    guard expected == received else {
      throw CommandFailure(.internalError, "the client did not get what the target sent")
    }
    Terminal.print("Not a byte lost, not a byte twice.")
  }

  private static func provider(
    join: JoinURL,
    targetPort: Int,
    loop: any EventLoop,
    logger: Logger
  ) throws -> Provider {
    var generator = SecureRandom()
    let service = ServiceEntry(
      entrance: .serverEntry,
      target: try TargetAddress(text: "\(host):\(targetPort)")
    )
    let configuration = ProviderConfiguration(
      join: join,
      services: [service],
      name: "demo",
      client: RandomID(using: &generator)
    )
    return Provider(configuration: configuration, loop: loop, logger: logger)
  }

  /// Contents that nothing can guess.
  private static func randomBytes(_ count: Int) -> ByteBuffer {
    var generator = SystemRandomNumberGenerator()
    var buffer = ByteBuffer()
    buffer.reserveCapacity(count + 7)
    while buffer.readableBytes < count { buffer.writeInteger(generator.next()) }
    return buffer.getSlice(at: 0, length: count) ?? buffer
  }

  private static func digest(_ bytes: ByteBuffer) -> String {
    SHA256.hash(bytes.readableBytesView).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  @Sendable private static func say(_ text: String) {
    Terminal.print("demo: \(text)")
  }

  private static func seconds(_ duration: Duration) -> String {
    let tenths = Int((duration / .milliseconds(100)).rounded())
    return "\(tenths / 10).\(tenths % 10) s"
  }
}

/// Knows one token, made a moment ago.
private struct OneTokenStore: CredentialStore {
  private let record: TokenRecord

  init(token: Token) throws(CredentialsError) {
    record = TokenRecord(
      of: token,
      user: try UserName("demo"),
      scopes: [.connect],
      createdAt: .now
    )
  }

  func find(_ id: TokenID) async throws(CredentialsError) -> TokenRecord? {
    id == record.id ? record : nil
  }

  func insert(_ record: TokenRecord) async throws(CredentialsError) {
    throw .storeUnavailable(reason: "the demonstration has one token only")
  }

  func revoke(
    _ id: TokenID,
    at now: WallClockTime
  ) async throws(CredentialsError) -> Revocation {
    throw .storeUnavailable(reason: "the demonstration's token can't be revoked")
  }

  func list() async throws(CredentialsError) -> [TokenRecord] { [record] }
}
