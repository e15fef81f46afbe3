internal import HawserHandshake
internal import HawserPrimitives
internal import HawserRouting
internal import HawserSession
internal import Logging
internal import NIOCore

/// The provider's services: registered on the control stream, reached through streams.
extension ProviderCore: SessionOwner {
  /// Registers everything with a new session.
  func registerServices() {
    for offer in services.all { register(offer.id) }
  }

  private func register(_ id: UInt64) {
    guard let host = membership?.host, let offer = services.offers[id], offer.bound == nil else {
      return
    }
    host.send(.register(id: id, service: offer.registration))
  }

  func session(_ host: SessionHost, received message: ControlMessage) {
    switch message {
    case .registered(let id, let serviceID, let entry):
      registered(id, as: serviceID, entry)
    case .refused(let id, let refusal):
      refused(id, refusal)
    case .unregistered(let id):
      services.lost(id, forgetPort: true)
      registerLater(id)
    case .draining(let time):
      logger.notice("server is draining", metadata: ["within": "\(time)"])
    case .goingAway(let reason, let retryDelay):
      logger.notice("server is going away", metadata: ["reason": "\(reason)"])
      if let retryDelay { holdBack(for: retryDelay) }
    case .register, .unregister:
      host.close(.protocolViolation, reason: "that message is the provider's")
    }
  }

  private func registered(_ id: UInt64, as serviceID: UInt64, _ entry: BoundEntry) {
    guard let offer = services.offers[id] else { return }
    services.registered(id, as: serviceID, at: entry)
    logger.info(
      "service registered",
      metadata: [
        "target": "\(offer.service.target)",
        "public": "\(configuration.join.host):\(entry.port)",
      ]
    )
    sayReadyIfSettled()
  }

  private func sayReadyIfSettled() {
    if services.areAllSettled { ready.succeed(registeredServices) }
  }

  private func refused(_ id: UInt64, _ refusal: RegistrationRefusal) {
    guard let offer = services.offers[id] else { return }
    switch refusal.code {
    case .notPermitted, .unsupportedMode, .noListenEntry:
      services.refused(id)
      guard !services.areAllRefused else {
        let service = "\(offer.service.target)"
        return end(.failure(.serviceRefused(service: service, reason: refusal.reason)))
      }
      logger.error(
        "service refused",
        metadata: ["target": "\(offer.service.target)", "reason": "\(refusal.reason)"]
      )
      sayReadyIfSettled()
    default:
      logger.warning(
        "service refused, trying again",
        metadata: ["target": "\(offer.service.target)", "reason": "\(refusal.reason)"]
      )
      services.lost(id, forgetPort: true)
      registerLater(id)
    }
  }

  private func registerLater(_ id: UInt64) {
    let session = membership?.host.id
    loop.assumeIsolated().scheduleTask(in: TimeAmount(TunnelLimits.registrationRetryDelay)) {
      [weak self] in
      guard let self, self.membership?.host.id == session, !self.isStopping else { return }
      self.register(id)
    }
  }

  /// What is registered now.
  var registeredServices: [RegisteredService] {
    services.all.compactMap { offer in
      offer.bound.map {
        RegisteredService(
          target: "\(offer.service.target)",
          mode: $0.mode.rawValue,
          address: $0.address,
          port: $0.port
        )
      }
    }
  }

  // MARK: - Streams

  func session(_ host: SessionHost, incoming stream: StreamID, _ request: OpenRequest) {
    counters.streams += 1
    guard !isStopping else { return host.abort(stream, .draining, retryable: true) }
    guard case .service(let id) = request.target else { return host.abort(stream, .notPermitted) }
    guard let offer = services.offer(forService: id) else {
      return host.abort(stream, .unknownService, retryable: true)
    }
    let connection = TargetConnection(
      host: host,
      stream: stream,
      target: offer.service.target,
      clientAddress: request.clientAddress
    ) { [weak self] connection in
      self?.targetGone(connection)
    }
    targets[ObjectIdentifier(connection)] = connection
    connection.dial(timeout: configuration.targetDialTimeout)
  }

  func sessionLinksChanged(_ host: SessionHost) {
    guard membership?.host === host else { return }
    adjustNeed()
  }

  func sessionHasRoomForStreams(_ host: SessionHost) {}

  func session(_ host: SessionHost, ended end: SessionEnd) {
    left(host, end: end)
  }
}

extension ProviderCore {
  /// A look at everything. O(streams).
  var status: ProviderStatus {
    ProviderStatus(
      uptimeSeconds: (loop.instant - startedAt).inSeconds,
      isStopping: isStopping,
      server: "\(configuration.join.host):\(configuration.join.port)",
      session: membership?.host.status(
        name: configuration.name,
        services: registeredServices.map {
          BoundAddress(mode: $0.mode, address: $0.address, port: $0.port)
        }
      ),
      services: registeredServices,
      counters: counters
    )
  }
}
