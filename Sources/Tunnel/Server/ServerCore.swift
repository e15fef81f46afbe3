internal import HawserCredentials
internal import HawserCryptography
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserSession
internal import HawserTLS
internal import HawserTransport
internal import Logging
internal import NIOCore

/// What a ``Server`` consists of. Confined to its event loop.
///
///     control port ─▶ Arrival ─HELLO─▶ ProviderSession ─▶ SessionHost ─▶ Session
///     entries      ─▶ Client  ─choice of a Backend──────▶ SessionHost
final class ServerCore {
  /// The epoch of a session's first link; each resumption has a higher one.
  static let firstEpoch: AttachmentEpoch = 1
  /// What a provider is told whose token was revoked while it was connected.
  private static let revokedReason =
    "the token was revoked; ask the server's operator for a new join URL"

  let configuration: ServerConfiguration
  let store: any CredentialStore
  let authenticator: Authenticator
  let loop: any EventLoop
  let logger: Logger
  let budget = MemoryBudget()
  let entries: EntryTable
  let startedAt: Instant

  var sessions = SessionRegistry<ProviderSession>(endedCapacity: TunnelLimits.endedSessions)
  var limiter = AttemptLimiter()
  private(set) var isStopping = false

  private(set) var listener: TCPListener?
  /// Sessions that have ended and whose links still carry the last words.
  private var departing: [ObjectIdentifier: ProviderSession] = [:]
  private var revocationTask: Scheduled<Void>?
  /// When streams that still run are cut off; in the past while nobody has asked to stop.
  private var drainDeadline = Instant.origin
  private var listenerClosed: EventLoopFuture<Void>
  private let stopped: EventLoopPromise<Void>

  init(
    configuration: ServerConfiguration,
    store: any CredentialStore,
    descriptorLimit: Int,
    loop: any EventLoop,
    logger: Logger
  ) {
    self.configuration = configuration
    self.store = store
    self.loop = loop
    self.logger = logger
    startedAt = loop.instant
    authenticator = Authenticator(store: store)
    entries = EntryTable(
      configuration: configuration,
      descriptorLimit: descriptorLimit,
      loop: loop,
      logger: logger
    )
    listenerClosed = loop.makeSucceededVoidFuture()
    stopped = loop.makePromise(of: Void.self)
  }

  deinit {
    stopped.fail(TunnelError.stopping)
  }
}

// MARK: - Sessions

extension ServerCore {
  /// A session is over (`end`), or its last link is closed too (`nil`).
  func left(_ session: ProviderSession, end: SessionEnd?) {
    guard let end else {
      departing[ObjectIdentifier(session)] = nil
      return finishIfStopped()
    }
    session.host.logger.info("provider left", metadata: ["end": "\(end)"])
    sessions.remove(
      session.host.id,
      resumeSecret: session.resumeSecret,
      reason: end.refusalOfResume
    )
    if session.host.hasLinks { departing[ObjectIdentifier(session)] = session }
    finishIfStopped()
  }

  /// Ends the sessions of a token.
  ///
  /// - Returns: How many there were.
  func revoke(_ token: String) -> Int {
    let affected = sessions.sessions(ofToken: token)
    for session in affected {
      session.host.logger.notice("session revoked", metadata: ["token": "\(token)"])
      session.host.close(.revoked, reason: Self.revokedReason)
    }
    return affected.count
  }

  /// Ends the only session whose id begins with `prefix`.
  func kill(prefix: String) -> Bool {
    let matches = sessions.members.filter { $0.host.id.description.hasPrefix(prefix) }
    guard let member = matches.first, matches.count == 1 else { return false }
    member.host.close(.goingAway, reason: "closed by the operator")
    return true
  }

  /// Looks for tokens that another process revoked, and for those that have expired; then again.
  private func watchRevocations() {
    let delay = TimeAmount(TunnelLimits.revocationInterval)
    revocationTask = loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
      self?.endRevokedSessions()
    }
  }

  private func endRevokedSessions() {
    let tokens = Set(sessions.members.map(\.token.id))
    guard !tokens.isEmpty else { return watchRevocations() }
    let promise = loop.makePromise(of: Set<TokenID>.self)
    promise.completeWithTask { [store] in try await store.unusable(among: tokens, at: .now()) }
    promise.futureResult.assumeIsolated().whenComplete { [weak self] result in
      guard let self, !self.isStopping else { return }
      switch result {
      case .success(let unusable): for token in unusable { _ = self.revoke(token.text) }
      case .failure(let error):
        self.logger.error("credential store failed", metadata: ["reason": "\(error)"])
      }
      self.watchRevocations()
    }
  }
}

// MARK: - Start and stop

extension ServerCore {
  /// Binds everything; `completion` gets the addresses, or the first error with nothing bound.
  func start(completion: @escaping (Result<BoundServer, TunnelError>) -> Void) {
    bindControl { result in
      switch result {
      case .success(let control): self.bindListenEntry(control, completion: completion)
      case .failure(let error): self.giveUpStarting(error, completion: completion)
      }
    }
  }

  private func bindControl(completion: @escaping (Result<BoundAddress, TunnelError>) -> Void) {
    let tls: TLSContext
    do throws(TLSError) {
      tls = try .server(
        ed25519Seed: configuration.identity.seed.revealedBytes,
        authoritySigned: configuration.authoritySigned
      )
    } catch {
      return completion(.failure(.invalidConfiguration(reason: "TLS cannot be set up: \(error)")))
    }
    let listener = TCPListener(on: loop, tls: tls, logger: logger) { link in
      self.arrival()
    }
    self.listener = listener
    let (address, port) = (configuration.address, configuration.controlPort)
    listener.bind(host: address, port: Int(port)).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let bound):
        let port = UInt16(clamping: bound.port ?? 0)
        completion(.success(BoundAddress(mode: "control", address: address, port: port)))
      case .failure(let error):
        completion(.failure(.bindFailed(address: address, port: port, error: error)))
      }
    }
  }

  private func bindListenEntry(
    _ control: BoundAddress,
    completion: @escaping (Result<BoundServer, TunnelError>) -> Void
  ) {
    entries.ownPorts = [control.port]
    watchRevocations()
    guard let port = configuration.listenPort else {
      return completion(.success(BoundServer(control: control, entries: [])))
    }
    entries.openListenEntry(port: port) { result in
      switch result {
      case .failure(let error):
        self.giveUpStarting(error, completion: completion)
      case .success(let bound):
        self.entries.ownPorts.insert(bound.port)
        let entry = BoundAddress(
          mode: bound.mode.rawValue,
          address: bound.address,
          port: bound.port
        )
        completion(.success(BoundServer(control: control, entries: [entry])))
      }
    }
  }

  private func giveUpStarting(
    _ error: TunnelError,
    completion: @escaping (Result<BoundServer, TunnelError>) -> Void
  ) {
    stop().assumeIsolated().whenComplete { _ in completion(.failure(error)) }
  }

  /// Stops accepting, tells the providers, lets streams finish for the configured time, and closes.
  ///
  /// A provider that loses its link meanwhile may still come back for its streams.
  ///
  /// - Returns: Done when every session is over and its links are closed.
  @discardableResult
  func stop() -> EventLoopFuture<Void> {
    guard !isStopping else { return stopped.futureResult }
    isStopping = true
    logger.info("stopping", metadata: ["sessions": "\(sessions.count)"])
    revocationTask?.cancel()
    entries.stopListening()
    let deadline = loop.instant + configuration.drainTime
    drainDeadline = deadline
    for session in sessions.members {
      session.drain(within: configuration.drainTime, until: deadline)
    }
    finishIfStopped()
    return stopped.futureResult
  }

  /// Ends every session and client now, if the server is stopping.
  func hurry() {
    guard isStopping else { return }
    for session in sessions.members {
      session.host.close(.goingAway, reason: "the server is stopping")
    }
    entries.resetClients()
  }

  private func finishIfStopped() {
    guard isStopping, sessions.count == 0, departing.isEmpty else { return }
    if let listener { listenerClosed = listener.close() }
    listener = nil
    entries.finish(by: drainDeadline) { [stopped, listenerClosed] in
      listenerClosed.cascade(to: stopped)
    }
  }
}

extension SessionEnd {
  /// What a provider that resumes the session later is told.
  fileprivate var refusalOfResume: Reject.Code {
    switch self {
    case .graceExpired: .graceExpired
    case .closedHere(.replaced, _): .replaced
    case .closedHere(.revoked, _): .revoked
    case .closedHere, .closedByPeer: .unknownSession
    }
  }
}
