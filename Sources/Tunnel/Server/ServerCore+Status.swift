internal import HawserPrimitives
internal import HawserTransport

extension ServerCore {
  /// A look at everything. O(sessions and streams).
  var status: ServerStatus {
    ServerStatus(
      uptimeSeconds: (loop.instant - startedAt).inSeconds,
      isStopping: isStopping,
      entries: entries.entries.compactMap(\.status),
      sessions: sessions.members.map(\.status).sorted { $0.id < $1.id },
      clients: entries.clientCount,
      parked: entries.parkedClients,
      retainedBytes: budget.retainedBytes,
      receiveBytes: budget.receiveBytes,
      counters: counterStatus
    )
  }

  private var counterStatus: CounterStatus {
    let counters = entries.counters
    let handshakesRefused = listener?.refusedConnections ?? 0
    var limits = Dictionary(
      uniqueKeysWithValues: counters.limitsReached.map { ($0.key.rawValue, $0.value) }
    )
    if handshakesRefused > 0 { limits["handshakes"] = handshakesRefused }
    return CounterStatus(
      clients: counters.clients,
      turnedAway: counters.turnedAway,
      parkedTooLong: counters.parkedTooLong,
      refusedByBackend: counters.refusedByBackend,
      sessionsBegun: counters.sessionsBegun,
      sessionsResumed: counters.sessionsResumed,
      authenticationFailures: counters.authenticationFailures,
      attemptsRefused: limiter.refused,
      handshakesRefused: handshakesRefused,
      limitsReached: limits
    )
  }
}

extension Entry {
  /// `nil` while it is not bound.
  fileprivate var status: EntryStatus? {
    guard let bound else { return nil }
    return EntryStatus(
      name: name,
      mode: bound.mode.rawValue,
      address: bound.address,
      port: bound.port,
      owner: owner?.text,
      backends: backends.count,
      usableBackends: backends.filter(\.session.canTakeClients).count,
      parked: parkedClients
    )
  }
}

extension ProviderSession {
  fileprivate var status: SessionStatus {
    host.status(
      name: name,
      owner: (user: user.text, token: token.id.text),
      services: services.map {
        BoundAddress(mode: $0.mode.rawValue, address: $0.address, port: $0.port)
      }
    )
  }
}
