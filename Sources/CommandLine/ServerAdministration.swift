internal import Foundation
internal import HawserAdmin
internal import HawserCredentials
internal import HawserPrimitives
internal import HawserTunnel

/// Shows a running server to the administration API.
struct ServerAdministration: AdminBackend {
  let server: Server
  let bound: BoundServer
  let store: any CredentialStore

  func revokeToken(_ id: String) async throws -> Int? {
    guard let token = try? TokenID(id) else { return nil }
    switch try await store.revoke(token, at: .now) {
    case .unknownToken: return nil
    case .revoked, .alreadyRevoked: return await server.revoke(token)
    }
  }

  func status() async -> AdminStatus {
    var status = AdminStatus(
      version: Hawser.version,
      pid: getpid(),
      uptimeSeconds: 0,
      control: AdminStatus.Address(bound.control)
    )
    guard let server = await server.status() else { return status }
    status.uptimeSeconds = server.uptimeSeconds
    status.isStopping = server.isStopping
    status.entries = server.entries.map(AdminStatus.Entry.init)
    status.sessions = server.sessions.map(AdminStatus.Session.init)
    status.clients = server.clients
    status.parked = server.parked
    status.retainedBytes = server.retainedBytes
    status.grantedBytes = server.receiveBytes
    status.limits = server.counters.limitsReached.sorted { $0.key < $1.key }
      .map { AdminStatus.Limit(name: $0.key, reached: $0.value) }
    status.totals = AdminStatus.Totals(server.counters)
    return status
  }
}

extension AdminStatus.Address {
  fileprivate init(_ address: BoundAddress) {
    self.init(address: address.address, port: Int(address.port))
  }
}

extension AdminStatus.Entry {
  fileprivate init(_ entry: EntryStatus) {
    self.init(
      mode: entry.mode,
      address: entry.address,
      port: Int(entry.port),
      owner: entry.owner,
      providers: entry.backends,
      usableProviders: entry.usableBackends,
      parked: entry.parked
    )
  }
}

extension AdminStatus.Session {
  fileprivate init(_ session: SessionStatus) {
    let state =
      switch session.state {
      case .attached: "connected"
      case .suspect: "suspect"
      case .grace: "grace"
      }
    self.init(
      id: session.id,
      name: session.name,
      user: session.user ?? "",
      token: session.token ?? "",
      state: state,
      graceLeftSeconds: session.graceLeftSeconds,
      links: session.links.map(AdminStatus.Link.init),
      services: session.services.map(AdminStatus.Address.init),
      streams: session.streams,
      resumes: session.attachments > 0 ? session.attachments - 1 : 0,
      retainedBytes: session.retainedBytes,
      unreadBytes: session.unreadBytes,
      bytesSent: session.bytesOut,
      bytesReceived: session.bytesIn
    )
  }
}

extension AdminStatus.Link {
  fileprivate init(_ link: LinkStatus) {
    self.init(
      transport: link.transport,
      address: link.address,
      isSending: link.isSending,
      roundTripMilliseconds: link.roundTripMilliseconds,
      ageSeconds: link.ageSeconds,
      bytesReceived: link.bytesIn,
      bytesSent: link.bytesOut
    )
  }
}

extension AdminStatus.Totals {
  fileprivate init(_ counters: CounterStatus) {
    self.init(
      clients: counters.clients,
      clientsTurnedAway: counters.turnedAway,
      clientsParkedTooLong: counters.parkedTooLong,
      streamsRefused: counters.refusedByBackend,
      sessions: counters.sessionsBegun,
      resumes: counters.sessionsResumed,
      authenticationFailures: counters.authenticationFailures,
      attemptsRefused: counters.attemptsRefused,
      handshakesRefused: counters.handshakesRefused
    )
  }
}
