internal import HawserCredentials
internal import HawserCryptography
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserSession
internal import Logging
internal import NIOCore

/// A provider as its server sees it: who it is, its session, and the services it registered.
/// Confined to the loop.
final class ProviderSession: SessionOwner {
  let host: SessionHost
  /// As it was when the session began; its standing is checked again at each resumption.
  let token: TokenRecord
  let role: Role
  let client: RandomID
  let process: RandomID
  let name: String
  let resumeSecret: Secret
  let grace: Duration

  var user: UserName { token.user }

  private let table: EntryTable
  private let left: (ProviderSession, SessionEnd?) -> Void
  private var registrations: [UInt64: Registration] = [:]
  private var bindings: UInt64 = 0
  /// It takes no new clients: it, or the server, is about to stop.
  private(set) var isDraining = false
  private let maximumClients: Int?

  /// What became of a registration.
  private enum Registration {
    /// The answer to the `serial`th request is awaited.
    case binding(serial: UInt64)
    case bound(Entry)
  }

  /// - Parameters:
  ///   - host: The session at work; this object becomes its owner.
  ///   - hello: Who the provider is, as its HELLO said and its token proved.
  ///   - resumeSecret: What its proofs are made with.
  ///   - grace: As agreed.
  ///   - table: The server's entries.
  ///   - left: Called with the end when the session is over, and without it when its last link is
  ///     closed too.
  init(
    host: SessionHost,
    hello: (token: TokenRecord, role: Role, client: RandomID, process: RandomID, name: String),
    resumeSecret: Secret,
    grace: Duration,
    table: EntryTable,
    left: @escaping (ProviderSession, SessionEnd?) -> Void
  ) {
    self.host = host
    (token, role, client, process, name) = hello
    self.resumeSecret = resumeSecret
    self.grace = grace
    self.table = table
    self.left = left
    maximumClients = table.configuration.clientLimits.provider
    host.owner = self
  }

  /// Whether it has as many clients as one provider may have.
  var isFull: Bool { maximumClients.map { host.streamCount >= $0 } ?? false }

  /// Whether a client can be served without delay.
  var canTakeClients: Bool { host.isUsable && !isDraining && !isFull }

  /// What it serves, for status.
  var services: [BoundEntry] {
    registrations.sorted { $0.key < $1.key }.compactMap {
      if case .bound(let entry) = $0.value { entry.bound } else { nil }
    }
  }

  /// Tells the provider that the server stops, and ends the session when its streams are over.
  func drain(within time: Duration, until deadline: Instant) {
    isDraining = true
    host.send(.draining(within: time))
    host.closeWhenDrained(.goingAway, reason: "the server is stopping", deadline: deadline)
  }
}

// MARK: - What the session says

extension ProviderSession {
  func session(_ host: SessionHost, incoming stream: StreamID, _ request: OpenRequest) {
    host.abort(stream, .notPermitted)
  }

  func session(_ host: SessionHost, received message: ControlMessage) {
    switch message {
    case .register(let id, let service): register(id, service)
    case .unregister(let id): unregister(id)
    case .draining:
      isDraining = true
    case .goingAway(let reason, _):
      host.logger.info("provider is going away", metadata: ["reason": "\(reason)"])
    case .registered, .refused, .unregistered:
      host.close(.protocolViolation, reason: "that message is the server's")
    }
  }

  func sessionLinksChanged(_ host: SessionHost) {
    if host.isUsable { serveParked() }
  }

  func sessionHasRoomForStreams(_ host: SessionHost) {
    serveParked()
  }

  func session(_ host: SessionHost, ended end: SessionEnd) {
    let wasOnPurpose = end.wasOnPurpose
    for (id, registration) in registrations {
      guard case .bound(let entry) = registration else { continue }
      entry.remove(id, of: host.id, atOnce: wasOnPurpose)
    }
    registrations = [:]
    left(self, end)
  }

  func sessionLinksClosed(_ host: SessionHost) {
    left(self, nil)
  }

  private func serveParked() {
    for case .bound(let entry) in registrations.values { entry.serveParked() }
  }
}

// MARK: - Services

extension ProviderSession {
  private func register(_ id: UInt64, _ service: ServiceRegistration) {
    guard registrations[id] == nil else {
      return refuse(id, RegistrationRefusal(.duplicateID, reason: "the id is in use"))
    }
    guard registrations.count < TunnelLimits.servicesPerSession else {
      let reason = "a provider may have \(TunnelLimits.servicesPerSession) services"
      return refuse(id, RegistrationRefusal(.limitReached, reason: reason))
    }
    bindings += 1
    let serial = bindings
    registrations[id] = .binding(serial: serial)
    table.claim(service.entry, with: token) { result in
      self.claimed(id, serial, service, result)
    }
  }

  private func claimed(
    _ id: UInt64,
    _ serial: UInt64,
    _ service: ServiceRegistration,
    _ result: Result<Entry, RegistrationRefusal>
  ) {
    guard case .binding(serial) = registrations[id] else {
      // The session ended, or the provider took the registration back, while the port was bound.
      if case .success(let entry) = result { entry.release() }
      return
    }
    switch result {
    case .failure(let refusal):
      registrations[id] = nil
      refuse(id, refusal)
    case .success(let entry):
      guard let bound = entry.bound else {
        registrations[id] = nil
        return refuse(id, RegistrationRefusal(.draining, reason: "the entry was closed"))
      }
      registrations[id] = .bound(entry)
      host.logger.info(
        "service registered",
        metadata: ["service": "\(service.name)", "port": "\(bound.port)"]
      )
      host.send(.registered(id: id, service: id, entry: bound))
      entry.add(Backend(session: self, service: id))
    }
  }

  private func refuse(_ id: UInt64, _ refusal: RegistrationRefusal) {
    host.logger.notice("service refused", metadata: ["reason": "\(refusal.reason)"])
    host.send(.refused(id: id, refusal: refusal))
  }

  private func unregister(_ id: UInt64) {
    if case .bound(let entry) = registrations.removeValue(forKey: id) {
      entry.remove(id, of: host.id, atOnce: true)
    }
    host.send(.unregistered(id: id))
  }
}

extension SessionEnd {
  /// Whether the provider said that it won't be back, so that its ports are freed at once.
  fileprivate var wasOnPurpose: Bool {
    switch self {
    case .closedByPeer(let code, _): code == .normal
    case .closedHere(let code, _): code == .revoked
    case .graceExpired: false
    }
  }
}
