internal import HawserCredentials
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserSession
internal import HawserTransport
internal import Logging
internal import NIOCore

/// A provider that serves an entry's clients.
struct Backend {
  let session: ProviderSession
  /// The id that OPEN carries.
  let service: UInt64
}

/// A public port, the backends behind it, and the clients that wait for one. Confined to the loop.
///
/// Belongs to one user while any of his sessions claims it, so that nobody else's provider gets
/// his clients.
final class Entry {
  /// `listen`, or the port.
  private(set) var name: String
  /// The `--listen` entry stays when nobody claims it.
  let isPermanent: Bool
  private(set) var logger: Logger
  private let table: EntryTable

  /// The listening socket, and where it is bound; `nil` while it is being bound.
  private(set) var channel: (any Channel)?
  /// Belongs into the listening socket's pipeline.
  private(set) lazy var gate = AcceptGate { [weak self] in self?.acceptFailed($0) }
  private(set) var bound: BoundEntry?

  private(set) var owner: UserName?
  private(set) var backends: [Backend] = []
  private var parking: ParkingLot<Client>
  /// An existential: ThreadSanitizer stumbles over the address of a value without a size.
  private var generator: any RandomNumberGenerator = SystemRandomNumberGenerator()
  private var releaseTimer: Scheduled<Void>?
  private lazy var parkingTimer = DeadlineTimer(loop: table.loop) { [weak self] in
    self?.turnAwayExpired()
  }

  init(isPermanent: Bool, table: EntryTable) {
    name = "listen"
    self.isPermanent = isPermanent
    self.table = table
    logger = table.logger
    parking = ParkingLot(capacity: table.configuration.parkedClients)
  }

  /// Clients that wait for a provider.
  var parkedClients: Int { parking.count }

  /// The listening socket is there.
  func opened(_ channel: any Channel, bound: BoundEntry) {
    self.channel = channel
    self.bound = bound
    if !isPermanent { name = "\(bound.port)" }
    logger[metadataKey: "entry"] = "\(name)"
  }

  /// Pauses or resumes accepting; the kernel queues clients meanwhile.
  func setAccepting(_ isAccepting: Bool) {
    gate.isOpen = isAccepting
  }
}

// MARK: - Claims

extension Entry {
  /// Adds a backend. The caller has checked that the entry is nobody else's.
  func add(_ backend: Backend) {
    releaseTimer?.cancel()
    releaseTimer = nil
    owner = backend.session.user
    backends.append(backend)
    serveParked()
  }

  /// Removes one service of a session.
  ///
  /// - Parameters:
  ///   - service: The service's id within its session.
  ///   - session: The session's id.
  ///   - atOnce: Frees the entry now if nobody else claims it, because the provider said so;
  ///     otherwise it is kept, a port for a while, since the provider may be back.
  func remove(_ service: UInt64, of session: RandomID, atOnce: Bool) {
    backends.removeAll { $0.session.host.id == session && $0.service == service }
    guard backends.isEmpty else { return serveParked() }
    if atOnce { return release() }
    // The entry that needs no port of its own stays its user's for longer, or his clients would get
    // to whoever asks first while he is away.
    let patience =
      isPermanent
      ? TunnelLimits.listenEntryPatience : table.configuration.unclaimedEntryPatience
    releaseTimer = table.loop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) {
      [weak self] in self?.release()
    }
  }

  /// Frees the port unless somebody claims it.
  func release() {
    guard backends.isEmpty else { return }
    releaseTimer = nil
    owner = nil
    guard !isPermanent else { return }
    table.close(self)
  }

  /// Stops listening; who waits is turned away, streams that are open stay.
  func close() {
    releaseTimer?.cancel()
    releaseTimer = nil
    parkingTimer.cancel()
    backends = []
    for client in parking.waiting {
      leaveParking(client)
      turnAway(client)
    }
    channel?.close(promise: nil)
    channel = nil
  }
}

// MARK: - Clients

extension Entry {
  /// Takes a new client's socket.
  func accept(_ channel: any Channel) throws {
    let client = Client(
      address: channel.remoteAddress?.hostAndPort ?? "unknown",
      user: owner?.text,
      entry: self
    )
    channel.applyRelaySocketOptions()
    guard table.admit(client, to: self) else {
      channel.resetOnClose()
      channel.close(promise: nil)
      return
    }
    do {
      try channel.pipeline.syncOperations.addHandler(client.endpoint)
    } catch {
      table.left(client, of: self)
      throw error
    }
  }

  /// The system gave no socket for a client that waits in its queue; accepting pauses for a moment.
  private func acceptFailed(_ error: IOError) {
    table.count(.descriptors)
    logger.debug("client not accepted", metadata: ["reason": "\(error.inWords)"])
  }

  /// Finds a backend for a client, or lets it wait for one, or turns it away.
  func place(_ client: Client) {
    switch serve(client) {
    case .served: break
    case .mayBeLater: park(client)
    case .never: turnAway(client)
    }
  }

  /// What became of a client's wish for a backend.
  private enum Service {
    case served
    /// A backend is away, or has no room at the moment.
    case mayBeLater
    /// All have refused it, or have as many clients as they may have.
    case never
  }

  private func serve(_ client: Client) -> Service {
    let staying = backends.filter { !$0.session.isDraining }
    let untried = staying.filter { !client.tried.contains($0.session.host.id) }
    var candidates = untried.filter(\.session.canTakeClients)
    while let choice = BackendChoice.leastLoadedOfTwo(
      loads: candidates.map(\.session.host.streamCount),
      using: &generator
    ) {
      do throws(OpenRefusal) {
        try client.ask(candidates[choice])
        return .served
      } catch {
        candidates.remove(at: choice)
      }
    }
    if staying.isEmpty || untried.contains(where: { !$0.session.isFull }) { return .mayBeLater }
    if !untried.isEmpty { table.count(.provider) }
    return .never
  }

  /// A backend refused a client before it reached its target.
  func refused(_ client: Client, code: StreamErrorCode, retryable: Bool) {
    logger.notice(
      "client refused by a backend",
      metadata: ["client": "\(client.address)", "reason": "\(code)", "retryable": "\(retryable)"]
    )
    table.counters.refusedByBackend += 1
    // Of a session that ended nobody knows what its target has seen.
    let isCertain = code != .graceExpired && code != .sessionClosed
    if retryable, isCertain || !client.endpoint.hasKeptBytes {
      place(client)
    } else {
      turnAway(client)
    }
  }

  /// A client's socket is gone.
  func left(_ client: Client) {
    leaveParking(client)
    table.left(client, of: self)
  }

  /// Gives those who wait to backends, as long as any takes them. Who gets none keeps his place.
  func serveParked() {
    for client in parking.waiting {
      guard backends.contains(where: \.session.canTakeClients) else { return }
      // Serving one may end another.
      guard client.ticket != nil else { continue }
      switch serve(client) {
      case .served:
        leaveParking(client)
      case .mayBeLater:
        break
      case .never:
        leaveParking(client)
        turnAway(client)
      }
    }
  }

  private func leaveParking(_ client: Client) {
    guard let ticket = client.ticket else { return }
    parking.leave(ticket)
    client.ticket = nil
    table.parkedClients -= 1
  }

  private func park(_ client: Client) {
    let now = table.loop.instant
    let patienceEnds = client.patienceEnds ?? now + table.configuration.parkingPatience
    client.patienceEnds = patienceEnds
    guard table.parkedClients < table.configuration.parkedClients,
      let ticket = parking.park(client, until: patienceEnds)
    else {
      table.count(.parked)
      return turnAway(client)
    }
    client.ticket = ticket
    table.parkedClients += 1
    parkingTimer.follow(parking.nextDeadline)
    logger.debug("client waits for a provider", metadata: ["client": "\(client.address)"])
  }

  private func turnAwayExpired() {
    for client in parking.takeExpired(at: table.loop.instant) {
      client.ticket = nil
      table.parkedClients -= 1
      table.counters.parkedTooLong += 1
      logger.notice(
        "client waited too long for a provider",
        metadata: ["client": "\(client.address)"]
      )
      turnAway(client)
    }
    parkingTimer.follow(parking.nextDeadline)
  }

  private func turnAway(_ client: Client) {
    table.counters.turnedAway += 1
    client.turnAway()
  }
}
