internal import HawserCredentials
internal import HawserCryptography
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserSession
internal import HawserTransport
internal import Logging
internal import NIOCore

/// HELLO → who is it? → a new session, or one that is resumed, or REJECT.
extension ServerCore {
  /// The user of a control connection that was accepted.
  func arrival() -> Arrival {
    Arrival(logger: logger) { [weak self] arrival, link, record in
      self?.decide(arrival, link, record)
    }
  }

  private func decide(_ arrival: Arrival, _ link: any Link, _ record: ByteBuffer) {
    let hello: Hello
    let version: ProtocolVersion
    let features: [Feature]
    do throws(HandshakeError) {
      hello = try Hello(decoding: record)
      version = try Negotiation.version(offered: hello.versions)
      features = try Negotiation.features(offered: hello.features)
    } catch {
      logger.notice(
        "HELLO refused",
        metadata: ["address": "\(link.peerAddress)", "reason": "\(error)"]
      )
      return arrival.reject(error.reject, on: link)
    }
    guard hello.role == .provider else {
      let reason = "this server has no forwarding; join it with a provider"
      return arrival.reject(Reject(.unsupportedFeature, reason: reason), on: link)
    }
    let agreement = Agreement(hello: hello, version: version, features: features)
    switch hello.attachment {
    case .new(let token, let client, let process, let name):
      guard !isStopping else {
        return arrival.reject(Reject(.draining, reason: "the server is stopping"), on: link)
      }
      begin(arrival, link, agreement, token: token, (client, process, name))
    case .resume(let session, let epoch, let proof):
      resume(arrival, link, agreement, session, epoch: epoch, proof: proof)
    }
  }

  /// What both sides agreed upon.
  private struct Agreement {
    let hello: Hello
    let version: ProtocolVersion
    let features: [Feature]

    var scope: TokenScope {
      switch hello.role {
      case .provider: .connect
      case .forwarder: .forward
      }
    }
  }

  // MARK: - A new session

  private func begin(
    _ arrival: Arrival,
    _ link: any Link,
    _ agreement: Agreement,
    token: Secret,
    _ peer: (client: RandomID, process: RandomID, name: String)
  ) {
    let address = link.peerAddress.withoutPort
    let now = loop.instant
    guard limiter.admits(address, at: now) else {
      let delay = limiter.delay(of: address, at: now)
      return refuse(arrival, link, .tooManyAttempts(address: address), retryDelay: delay)
    }
    let text = String(decoding: token.revealedBytes, as: UTF8.self)
    let authenticator = authenticator
    check {
      [scope = agreement.scope] () async throws(AuthenticationFailure) in
      try await authenticator.authenticate(text, for: scope, at: .now())
    } then: { result in
      guard arrival.isWaiting else { return }
      switch result {
      case .failure(let failure):
        if !failure.isTemporary {
          self.limiter.attemptFailed(from: address, at: self.loop.instant)
        }
        self.refuse(arrival, link, failure)
      case .success(let record):
        self.welcome(arrival, link, agreement, record, peer)
      }
    }
  }

  private func welcome(
    _ arrival: Arrival,
    _ link: any Link,
    _ agreement: Agreement,
    _ token: TokenRecord,
    _ peer: (client: RandomID, process: RandomID, name: String)
  ) {
    guard !isStopping, sessions.count < TunnelLimits.sessions else {
      return arrival.reject(Reject(.overLimit, reason: "the server is full"), on: link)
    }
    let owner = SessionRegistry<ProviderSession>.Owner(user: token.user.text, client: peer.client)
    if let old = sessions.session(of: owner) { replace(old, by: peer.process) }
    guard token.mayStartSession(besides: sessions.sessions(ofToken: token.id.text).count) else {
      let failure = AuthenticationFailure.tooManySessions(
        token.id,
        user: token.user,
        maximum: token.maximumSessions
      )
      return refuse(arrival, link, failure)
    }

    var generator = SecureRandom()
    let id = RandomID(using: &generator)
    let secret = Secret.random(count: HandshakeLimits.proofBytes)
    let session = makeSession(
      id: id,
      agreement: agreement,
      resumeSecret: secret,
      token: token,
      peer: peer
    )
    sessions.add(session, id: id, owner: owner, token: token.id.text)
    send(
      .new(resumeSecret: secret),
      agreement,
      of: session,
      epoch: Self.firstEpoch,
      arrival,
      link
    )
    session.host.logger.info(
      "provider connected",
      metadata: ["address": "\(link.peerAddress)", "transport": "\(link.transport.rawValue)"]
    )
    entries.counters.sessionsBegun += 1
  }

  private func makeSession(
    id: RandomID,
    agreement: Agreement,
    resumeSecret: Secret,
    token: TokenRecord,
    peer: (client: RandomID, process: RandomID, name: String)
  ) -> ProviderSession {
    let grants = agreement.hello.grants
    let grace = Negotiation.grace(agreement.hello.grace, configuration.grace)
    var logger = logger
    logger[metadataKey: "session"] = "\(id.short)"
    logger[metadataKey: "provider"] = "\(peer.name)"
    let host = SessionHost(
      id: id,
      configuration: SessionConfiguration(
        side: .accepting,
        grace: grace,
        limits: configuration.sessionLimits,
        peerGrants: InitialGrants(sessionBytes: grants.sessionBytes, streams: grants.streams)
      ),
      idleHeartbeat: min(agreement.hello.heartbeat, TunnelLimits.idleHeartbeat),
      budget: budget,
      loop: loop,
      logger: logger
    )
    return ProviderSession(
      host: host,
      hello: (token, agreement.hello.role, peer.client, peer.process, peer.name),
      resumeSecret: resumeSecret,
      grace: grace,
      table: entries
    ) { [weak self] session, end in
      self?.left(session, end: end)
    }
  }

  /// The process that began `old` is gone, or there are two of them (`PROTOCOL.md`, Replacement).
  private func replace(_ old: ProviderSession, by process: RandomID) {
    if old.process == process {
      old.host.close(.goingAway, reason: "the provider began a new session")
    } else {
      old.host.close(.replaced, reason: "another process of the same client took over")
    }
  }

  // MARK: - Resume

  private func resume(
    _ arrival: Arrival,
    _ link: any Link,
    _ agreement: Agreement,
    _ id: RandomID,
    epoch: AttachmentEpoch,
    proof: [UInt8]
  ) {
    let isProof = { (secret: Secret) in
      ResumeProof.verify(
        proof,
        by: .dialler(agreement.hello.role),
        secret: secret,
        binding: link.binding,
        epoch: epoch
      )
    }
    guard let session = sessions[id] else {
      if let ended = sessions.ended(id), isProof(ended.resumeSecret) {
        return arrival.reject(Reject(ended.reason, reason: "the session is over"), on: link)
      }
      return arrival.reject(
        Reject(.unknownSession, reason: "the server does not know the session"),
        on: link
      )
    }
    guard isProof(session.resumeSecret), session.role == agreement.hello.role else {
      limiter.attemptFailed(from: link.peerAddress.withoutPort, at: loop.instant)
      logger.warning("wrong resume proof", metadata: ["address": "\(link.peerAddress)"])
      return arrival.reject(Reject(.badProof, reason: "the proof is wrong"), on: link)
    }
    let authenticator = authenticator
    check {
      [scope = agreement.scope, token = session.token.id] () async throws(AuthenticationFailure) in
      try await authenticator.recheck(token, for: scope, at: .now())
    } then: { result in
      guard arrival.isWaiting else { return }
      switch result {
      case .failure(let failure) where failure.isTemporary:
        self.refuse(arrival, link, failure)
      case .failure(let failure):
        self.logger.notice("resume refused", metadata: ["reason": "\(failure.operatorMessage)"])
        session.host.close(.revoked, reason: failure.publicMessage)
        arrival.reject(Reject(.revoked, reason: failure.publicMessage), on: link)
      case .success:
        self.reattach(arrival, link, agreement, session, epoch: epoch)
      }
    }
  }

  private func reattach(
    _ arrival: Arrival,
    _ link: any Link,
    _ agreement: Agreement,
    _ session: ProviderSession,
    epoch: AttachmentEpoch
  ) {
    guard sessions[session.host.id] === session else {
      let reason = sessions.ended(session.host.id)?.reason ?? .unknownSession
      return arrival.reject(Reject(reason, reason: "the session is over"), on: link)
    }
    guard epoch > session.host.epoch else {
      let reason = "a later attempt has taken over"
      return arrival.reject(Reject(.staleEpoch, reason: reason), on: link)
    }
    let proof = ResumeProof.bytes(
      by: .server,
      secret: session.resumeSecret,
      binding: link.binding,
      epoch: epoch
    )
    session.host.logger.info(
      "session resumed",
      metadata: [
        "address": "\(link.peerAddress)", "epoch": "\(epoch)",
        "older-links": "\(session.host.links.count)",
      ]
    )
    entries.counters.sessionsResumed += 1
    send(.resumed(proof: proof), agreement, of: session, epoch: epoch, arrival, link)
  }

  // MARK: - Answers

  private func send(
    _ attachment: Welcome.Attachment,
    _ agreement: Agreement,
    of session: ProviderSession,
    epoch: AttachmentEpoch,
    _ arrival: Arrival,
    _ link: any Link
  ) {
    let grants = configuration.sessionLimits.initialGrants
    let welcome = Welcome(
      version: agreement.version,
      features: agreement.features,
      session: session.host.id,
      attachment: attachment,
      grants: AnnouncedGrants(sessionBytes: grants.sessionBytes, streams: grants.streams),
      heartbeat: min(agreement.hello.heartbeat, TunnelLimits.idleHeartbeat),
      grace: min(session.grace, agreement.hello.grace)
    )
    do throws(HandshakeError) {
      session.host.attach(link, epoch: epoch, greeting: try welcome.encoded())
    } catch {
      logger.error("WELCOME not sent", metadata: ["reason": "\(error)"])
      session.host.close(.internalError, reason: "WELCOME could not be encoded")
      link.abort()
    }
  }

  private func refuse(
    _ arrival: Arrival,
    _ link: any Link,
    _ failure: AuthenticationFailure,
    retryDelay: Duration? = nil
  ) {
    entries.counters.authenticationFailures += 1
    logger.notice(
      "provider refused",
      metadata: ["address": "\(link.peerAddress)", "reason": "\(failure.operatorMessage)"]
    )
    let code: Reject.Code = failure.isTemporary ? .overLimit : .badCredentials
    let refusal = Reject(code, reason: failure.publicMessage, retryDelay: retryDelay)
    arrival.reject(refusal, on: link)
  }

  /// Asks the store off the loop, and comes back with the answer.
  private func check(
    _ question: @escaping @Sendable () async throws(AuthenticationFailure) -> TokenRecord,
    then answer: @escaping (Result<TokenRecord, AuthenticationFailure>) -> Void
  ) {
    let promise = loop.makePromise(of: Result<TokenRecord, AuthenticationFailure>.self)
    promise.completeWithTask {
      do throws(AuthenticationFailure) {
        return .success(try await question())
      } catch {
        return .failure(error)
      }
    }
    promise.futureResult.assumeIsolated().whenSuccess(answer)
  }
}

extension String {
  /// `192.0.2.1` of `192.0.2.1:80`, `2001:db8::1` of `[2001:db8::1]:80`.
  fileprivate var withoutPort: String {
    guard let colon = lastIndex(of: ":") else { return self }
    return String(self[..<colon].filter { $0 != "[" && $0 != "]" })
  }
}
