internal import Foundation
internal import HawserAdmin
internal import HawserConfiguration
internal import HawserCredentials
internal import HawserPrimitives
internal import HawserStorage
internal import HawserTLS
internal import HawserTunnel
internal import Logging
internal import NIOPosix

/// A server from its start to its end: state folder, server, administration socket, ready file.
struct ServerRole: Sendable {
  let readyFile: ReadyFile?
  private let options: ServerOptions
  private let logger = Logger(label: "hawser.server")

  init(_ options: ServerOptions) {
    self.options = options
    readyFile = options.readyFile.map(ReadyFile.init)
  }

  /// Serves until the first of `signals`, then stops gracefully.
  ///
  /// - Throws: What keeps the server from starting.
  func run(until signals: StopSignals) async throws {
    // Whatever the process creates, the socket before its mode is set included, is its owner's.
    umask(0o077)
    let path = StatePath.resolve(
      options.stateDirectory,
      environment: ProcessInfo.processInfo.environment
    )
    let directory = try StateDirectory(creatingAt: path)
    let state = try directory.prepareServer(at: .now)
    let server = Server(
      configuration: try configuration(with: state),
      store: state.store,
      loop: MultiThreadedEventLoopGroup.singleton.next(),
      logger: logger
    )
    let bound = try await server.start()
    do {
      let join = try announce(bound, state: state, in: directory)
      try await administer(server, bound: bound, store: state.store, in: directory) {
        try readyFile?.write(Self.readiness(bound: bound, join: join))
        present(bound: bound, join: join, state: state)
        await signals.wait()
        await signals.stop(server.stop, hurry: server.hurry)
      }
    } catch {
      await server.stop()
      readyFile?.remove()
      throw error
    }
    readyFile?.remove()
    logger.info("stopped")
  }

  private func configuration(with state: ServerState) throws -> ServerConfiguration {
    var configuration = ServerConfiguration(identity: state.identity)
    if let files = options.certificate {
      configuration.authoritySigned = AuthoritySignedCertificate(
        chainPEM: try Self.contents(of: files.chain),
        privateKeyPEM: try Self.contents(of: files.key)
      )
    }
    configuration.address = options.address
    configuration.controlPort = options.controlPort
    configuration.listenPort = options.listenPort
    configuration.grace = options.grace
    configuration.parkingPatience = options.park
    configuration.drainTime = options.drain
    configuration.clientLimits.server = options.maximumClients
    return configuration
  }

  private static func contents(of path: String) throws(CommandFailure) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(filePath: path)))
    } catch {
      throw CommandFailure(.configuration, "\(path) can't be read: \(error.localizedDescription)")
    }
  }

  /// Keeps the public endpoint for `hawser token create`.
  ///
  /// - Returns: The first token's join URL; `nil` when its file was deleted or it was revoked.
  private func announce(
    _ bound: BoundServer,
    state: ServerState,
    in directory: StateDirectory
  ) throws -> JoinURL? {
    let name = options.publicHost ?? PublicHost.announced(boundTo: options.address)
    let host: HawserPrimitives.Host
    do throws(HostError) {
      host = try Host(name)
    } catch {
      throw CommandFailure(.configuration, "\(error): name a host with --public-host")
    }
    let port = bound.control.port
    try directory.writePublicEndpoint(try HostAndPort("\(host):\(port)"))
    return state.firstToken.map { token in
      JoinURL(token: token, host: host, port: port, keys: [state.identity.joinKey])
    }
  }

  /// Answers on the administration socket while `body` runs.
  private func administer(
    _ server: Server,
    bound: BoundServer,
    store: any CredentialStore,
    in directory: StateDirectory,
    while body: () async throws -> Void
  ) async throws {
    let backend = ServerAdministration(server: server, bound: bound, store: store)
    let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { continuation.finish() }
        do {
          try await AdminServer(backend: backend, logger: logger)
            .run(at: directory.adminSocketPath) { continuation.yield() }
        } catch let error as AdminError {
          throw CommandFailure(.configuration, "\(error)")
        }
      }
      for await _ in ready {
        try await body()
        break
      }
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  private static func readiness(bound: BoundServer, join: JoinURL?) -> ReadyFile.Contents {
    ReadyFile.Contents(
      role: "server",
      join: join?.text,
      control: .init(address: bound.control.address, port: Int(bound.control.port)),
      entries: bound.entries.map {
        .init(mode: $0.mode, address: $0.address, port: Int($0.port))
      },
      pid: getpid()
    )
  }

  /// Prints what a person wants to know.
  private func present(bound: BoundServer, join: JoinURL?, state: ServerState) {
    let host = options.publicHost ?? PublicHost.announced(boundTo: options.address)
    Terminal.print("hawser \(Hawser.version): the server is ready, transport tcp")
    for entry in bound.entries {
      let address = "\((try? Host(host)).map { "\($0)" } ?? host):\(entry.port)"
      Terminal.print("  clients    \(address)  (http://\(address)/ if the target speaks HTTP)")
    }
    if let join {
      Terminal.print("  providers  hawser provider --join '\(join.text)' TARGET")
    } else {
      Terminal.print("  providers  make a token with `hawser token create --user NAME`")
    }
    if state.isFirstStart {
      Terminal.print("  the join URL is a secret: whoever has it can offer services here")
    }
  }
}
