internal import HawserCredentials
internal import HawserCryptography
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserSession
internal import HawserTLS
internal import HawserTransport
internal import Logging
internal import NIOCore

/// What a ``Provider`` consists of. Confined to its event loop.
///
///     DialSchedule ─▶ DialAttempt ─WELCOME─▶ SessionHost ─▶ Session ─incoming─▶ TargetConnection
final class ProviderCore {
  /// The session with the server, and what resumes it.
  struct Membership {
    let host: SessionHost
    let resumeSecret: Secret
    /// The highest epoch that a HELLO has carried.
    var lastEpoch: AttachmentEpoch
  }

  let configuration: ProviderConfiguration
  let loop: any EventLoop
  let logger: Logger
  let budget = MemoryBudget()
  let startedAt: Instant

  var membership: Membership?
  var services: ServiceOffers
  var targets: [ObjectIdentifier: TargetConnection] = [:]
  var counters = ProviderCounters()

  /// The services, once all are registered for the first time; or why that will never be.
  let ready: EventLoopPromise<[RegisteredService]>
  /// The end: as asked, or for good.
  let ended: EventLoopPromise<Void>
  private(set) var isStopping = false
  /// How the provider ends; set once.
  private var outcome: Result<Void, TunnelError>?

  private let tcpDialler: TCPDialler
  private let kcpDialler: KCPDialler
  /// Which of the join URL's keys the next KCP attempt tries: a server has one of them.
  private var nextKey = 0
  private var schedule: DialSchedule
  private var attempts: [DialAttempt] = []
  private var wasEverWelcome = false
  private var hasSaidUnreachable = false
  /// Ended sessions whose links still carry the last words.
  private var departing: [ObjectIdentifier: SessionHost] = [:]
  private lazy var network = NetworkWatch(loop: loop) { [weak self] in self?.networkChanged() }
  private lazy var timer = DeadlineTimer(loop: loop) { [weak self] in self?.dialWhatIsDue() }

  init(
    configuration: ProviderConfiguration,
    generator: any RandomNumberGenerator,
    loop: any EventLoop,
    logger: Logger
  ) {
    self.configuration = configuration
    self.loop = loop
    self.logger = logger
    startedAt = loop.instant
    schedule = DialSchedule(generator: generator)
    tcpDialler = TCPDialler(on: loop)
    kcpDialler = KCPDialler(on: loop)
    services = ServiceOffers(configuration.services)
    ready = loop.makePromise()
    ended = loop.makePromise()
  }

  deinit {
    ready.fail(TunnelError.stopping)
    ended.fail(TunnelError.stopping)
  }

  func start() {
    network.start()
    adjustNeed()
  }
}

// MARK: - Dialling

extension ProviderCore: DialAttemptOwner {
  /// Tells the schedule what is missing, and dials what is due.
  func adjustNeed() {
    schedule.needs(need, at: loop.instant)
    if need == .nothing {
      for attempt in attempts where !attempt.hasGreeted { abandon(attempt) }
    }
    dialWhatIsDue()
  }

  private var need: DialSchedule.Need {
    guard outcome == nil else { return .nothing }
    guard let host = membership?.host else { return isStopping ? .nothing : .session }
    if host.isUsable { return .nothing }
    return host.isAttached ? .replacement : .resumption
  }

  private func dialWhatIsDue() {
    while let action = schedule.deadlineReached(at: loop.instant) {
      if case .abandonOldestAndDial = action, !attempts.isEmpty {
        attempts.removeFirst().abandon()
      }
      dial()
    }
    timer.follow(schedule.nextDeadline)
  }

  /// The server asked for patience.
  func holdBack(for delay: Duration) {
    schedule.holdBack(for: delay, at: loop.instant)
    timer.follow(schedule.nextDeadline)
  }

  /// The link may hang on an address that is gone, and the server may be in reach again.
  private func networkChanged() {
    logger.info("network changed")
    membership?.host.probeLinks()
    schedule.networkChanged(at: loop.instant)
    dialWhatIsDue()
  }

  private func dial() {
    switch configuration.transport {
    case .tcp: dialTCP()
    case .kcp: dialKCP()
    case .auto where configuration.join.keys.isEmpty: dialTCP()
    case .auto:
      dialKCP()
      loop.assumeIsolated().scheduleTask(in: TimeAmount(TunnelLimits.fallbackDelay)) {
        [weak self] in self?.dialTCPBeside()
      }
    }
  }

  /// KCP has had its head start, and no answer has come.
  private func dialTCPBeside() {
    guard need != .nothing, outcome == nil else { return }
    schedule.dialledBeside()
    dialTCP()
  }

  private func dialTCP() {
    let attempt = DialAttempt(owner: self)
    counters.attempts += 1
    do throws(TLSError) {
      attempt.began(
        try tcpDialler.dial(
          host: configuration.join.host.text,
          port: Int(configuration.join.port),
          verification: verification,
          timeout: TunnelLimits.attemptTime,
          user: attempt
        )
      )
      attempts.append(attempt)
    } catch {
      schedule.attemptFailed(at: loop.instant)
      end(.failure(.invalidConfiguration(reason: "TLS cannot be set up: \(error)")))
    }
  }

  private func dialKCP() {
    let keys = configuration.join.keys
    guard !keys.isEmpty else {
      schedule.attemptFailed(at: loop.instant)
      let reason = "the transport kcp needs a join URL with a key; use --transport tcp"
      return end(.failure(.invalidConfiguration(reason: reason)))
    }
    let attempt = DialAttempt(owner: self)
    counters.attempts += 1
    nextKey = (nextKey + 1) % keys.count
    attempt.began(
      kcpDialler.dial(
        host: configuration.join.host.text,
        port: Int(configuration.join.port),
        key: keys[nextKey],
        timeout: TunnelLimits.attemptTime,
        user: attempt
      )
    )
    attempts.append(attempt)
  }

  private var verification: TLSVerification {
    let keys = configuration.join.keys
    guard keys.isEmpty else { return .pinned(keys.map(\.publicKey)) }
    return .webPKI(hostName: configuration.join.host.text, roots: configuration.trustedRoots)
  }

  private func abandon(_ attempt: DialAttempt) {
    guard forget(attempt) else { return }
    attempt.abandon()
    schedule.attemptEnded()
  }

  private func forget(_ attempt: DialAttempt) -> Bool {
    guard let index = attempts.firstIndex(where: { $0 === attempt }) else { return false }
    attempts.remove(at: index)
    return true
  }

  /// Whether a TCP link lets a KCP link go first that has said HELLO just now: the later one of two
  /// that resume a session would take it over.
  private func shouldYield(_ link: any Link) -> Bool {
    guard configuration.transport == .auto, link.transport == .tcp else { return false }
    let now = loop.instant
    return attempts.contains { attempt in
      guard let greeted = attempt.greeted, greeted.transport == .kcp else { return false }
      return now - greeted.at < TunnelLimits.kcpAnswerTime
    }
  }

  func hello(for attempt: DialAttempt, on link: any Link) -> Hello? {
    guard need != .nothing, !shouldYield(link) else { return nil }
    attempt.greeted = (link.transport, loop.instant)
    let attachment: Hello.Attachment
    if var membership {
      membership.lastEpoch += 1
      self.membership = membership
      let proof = ResumeProof.bytes(
        by: .dialler(.provider),
        secret: membership.resumeSecret,
        binding: link.binding,
        epoch: membership.lastEpoch
      )
      attachment = .resume(
        session: membership.host.id,
        epoch: membership.lastEpoch,
        proof: proof
      )
    } else {
      // Two sessions of one process would end each other.
      guard !attempts.contains(where: \.hasGreeted) else { return nil }
      attachment = .new(
        token: Secret(bytes: Array(configuration.join.token.text.utf8)),
        client: configuration.client,
        process: configuration.process,
        name: configuration.name
      )
    }
    let grants = configuration.sessionLimits.initialGrants
    return Hello(
      role: .provider,
      attachment: attachment,
      grants: AnnouncedGrants(sessionBytes: grants.sessionBytes, streams: grants.streams),
      heartbeat: TunnelLimits.idleHeartbeat,
      grace: configuration.grace
    )
  }

  func attempt(_ attempt: DialAttempt, welcomed welcome: Welcome, on link: any Link) {
    guard forget(attempt) else { return link.abort() }
    schedule.attemptEnded()
    hasSaidUnreachable = false
    wasEverWelcome = true
    switch welcome.attachment {
    case .new(let resumeSecret):
      guard membership == nil, !isStopping else { return link.abort() }
      join(welcome, resumeSecret, link)
    case .resumed(let proof):
      resumed(welcome, proof, epoch: attempt.epoch, link)
    }
  }

  func attempt(_ attempt: DialAttempt, rejected rejection: Reject) {
    guard forget(attempt) else { return }
    schedule.attemptFailed(at: loop.instant)
    if let delay = rejection.retryDelay { holdBack(for: delay) }
    logger.notice(
      "server refused the link",
      metadata: ["code": "\(rejection.name)", "reason": "\(rejection.reason)"]
    )
    switch rejection.disposition {
    case .giveUp:
      end(.failure(TunnelError(rejection)))
    case .retryLater:
      adjustNeed()
    case .startAnew:
      membership?.host.close(.goingAway, reason: rejection.reason)
      adjustNeed()
    }
  }

  func attempt(_ attempt: DialAttempt, failed reason: LinkFailure) {
    guard forget(attempt) else { return }
    schedule.attemptFailed(at: loop.instant)
    switch reason {
    case .tls(.wrongServerKey) where !wasEverWelcome,
      .tls(.untrustedCertificate) where !wasEverWelcome:
      // Later on it is taken for somebody in between: the network may be another one by then.
      return end(.failure(.wrongServer(reason: "\(reason)")))
    case .closedHere:
      break
    default:
      // One that is not needed any more has nothing to say.
      guard need != .nothing else { break }
      let level: Logger.Level = hasSaidUnreachable ? .debug : .warning
      hasSaidUnreachable = true
      logger.log(
        level: level,
        "server not reached, dialling on",
        metadata: ["server": "\(configuration.join.host)", "reason": "\(reason)"]
      )
    }
    adjustNeed()
  }
}

// MARK: - The session

extension ProviderCore {
  private func join(_ welcome: Welcome, _ resumeSecret: Secret, _ link: any Link) {
    var logger = logger
    logger[metadataKey: "session"] = "\(welcome.session.short)"
    let host = SessionHost(
      id: welcome.session,
      configuration: SessionConfiguration(
        side: .dialling,
        grace: welcome.grace,
        limits: configuration.sessionLimits,
        peerGrants: InitialGrants(
          sessionBytes: welcome.grants.sessionBytes,
          streams: welcome.grants.streams
        )
      ),
      idleHeartbeat: welcome.heartbeat,
      budget: budget,
      loop: loop,
      logger: logger
    )
    host.owner = self
    membership = Membership(host: host, resumeSecret: resumeSecret, lastEpoch: 1)
    counters.sessions += 1
    logger.info(
      "connected",
      metadata: ["server": "\(link.peerAddress)", "transport": "\(link.transport.rawValue)"]
    )
    host.attach(link, epoch: 1)
    registerServices()
  }

  private func resumed(
    _ welcome: Welcome,
    _ proof: [UInt8],
    epoch: AttachmentEpoch,
    _ link: any Link
  ) {
    guard let membership, membership.host.id == welcome.session,
      ResumeProof.verify(
        proof,
        by: .server,
        secret: membership.resumeSecret,
        binding: link.binding,
        epoch: epoch
      )
    else {
      logger.warning("resume not accepted here", metadata: ["server": "\(link.peerAddress)"])
      link.abort()
      return adjustNeed()
    }
    guard epoch > membership.host.epoch else { return link.abort() }
    counters.resumes += 1
    logger.info("session resumed", metadata: ["server": "\(link.peerAddress)"])
    membership.host.attach(link, epoch: epoch)
  }

  func sessionLinksClosed(_ host: SessionHost) {
    departing[ObjectIdentifier(host)] = nil
    finishIfDone()
  }

  /// The session is over: begin another one, or end for good.
  func left(_ host: SessionHost, end: SessionEnd) {
    guard membership?.host === host else { return }
    logger.notice("session ended", metadata: ["end": "\(end)"])
    membership = nil
    if host.hasLinks { departing[ObjectIdentifier(host)] = host }
    for attempt in attempts { abandon(attempt) }
    services.forgetRegistrations()
    switch end {
    case .closedByPeer(.replaced, _): self.end(.failure(.replaced))
    case .closedByPeer(.revoked, let reason):
      self.end(.failure(.credentialsRefused(reason: reason)))
    case .closedByPeer, .closedHere, .graceExpired: break
    }
    finishIfDone()
    adjustNeed()
  }
}

// MARK: - End

extension ProviderCore {
  /// Takes no new streams, lets those alive finish for the configured time, and ends.
  func stop() {
    guard !isStopping, outcome == nil else { return }
    isStopping = true
    if let host = membership?.host {
      logger.info("stopping", metadata: ["streams": "\(host.streamCount)"])
      host.send(.draining(within: configuration.drainTime))
      host.closeWhenDrained(
        .normal,
        reason: "the provider was stopped",
        deadline: loop.instant + configuration.drainTime
      )
    }
    let patience = configuration.drainTime + TunnelLimits.flushPatience
    loop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) { [weak self] in
      self?.giveUpTargets()
    }
    finishIfDone()
    adjustNeed()
  }

  /// Ends the session and every target's connection now, if the provider is stopping.
  func hurry() {
    guard isStopping else { return }
    membership?.host.close(.normal, reason: "the provider was stopped")
    giveUpTargets()
  }

  /// Ends for good, as soon as the server has been told.
  func end(_ result: Result<Void, TunnelError>) {
    guard outcome == nil else { return }
    outcome = result
    timer.cancel()
    network.stop()
    for attempt in attempts { attempt.abandon() }
    attempts = []
    if case .failure(let error) = result {
      logger.error("ending for good", metadata: ["reason": "\(error)"])
      ready.fail(error)
      membership?.host.close(.normal, reason: "the provider ends")
      giveUpTargets()
    } else {
      ready.fail(TunnelError.stopping)
    }
    finishIfDone()
  }

  /// A target's socket is closed, or was not to be had.
  func targetGone(_ connection: TargetConnection) {
    targets[ObjectIdentifier(connection)] = nil
    finishIfDone()
  }

  private func giveUpTargets() {
    for connection in Array(targets.values) { connection.giveUp() }
  }

  /// Waits for the last words to the server, and for the last bytes to targets.
  private func finishIfDone() {
    guard membership == nil, departing.isEmpty, targets.isEmpty else { return }
    if isStopping, outcome == nil { return end(.success(())) }
    switch outcome {
    case .success: ended.succeed()
    case .failure(let error): ended.fail(error)
    case nil: break
    }
  }
}
