internal import HawserCredentials
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserTransport
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Every public port of the server, and every client at one of them. Confined to the loop.
final class EntryTable {
  let configuration: ServerConfiguration
  let loop: any EventLoop
  let logger: Logger
  var counters = ServerCounters()
  /// Clients that wait for a provider, over all entries.
  var parkedClients = 0

  /// The server's own ports, which nobody may claim.
  var ownPorts: Set<UInt16> = []
  private(set) var listenEntry: Entry?
  private var claimed: [UInt16: Entry] = [:]
  /// Ports that are being bound, and who asks for each again when that is over.
  private var binding: [UInt16: [() -> Void]] = [:]

  private var clients: [ObjectIdentifier: Client] = [:]
  private var counts: ClientCounts
  private var isAccepting = true
  private(set) var isClosed = false
  /// Called when the last client is gone.
  private var finished: (() -> Void)?

  init(
    configuration: ServerConfiguration,
    descriptorLimit: Int,
    loop: any EventLoop,
    logger: Logger
  ) {
    self.configuration = configuration
    self.loop = loop
    self.logger = logger
    counts = ClientCounts(
      limits: configuration.clientLimits,
      descriptorBudget: descriptorLimit
        - max(TunnelLimits.reservedDescriptors, descriptorLimit / TunnelLimits.reservedShare)
    )
  }

  /// All entries that are bound, the `--listen` one first.
  var entries: [Entry] {
    [listenEntry].compactMap { $0 } + claimed.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Clients at present.
  var clientCount: Int { counts.total }
}

// MARK: - Ports

extension EntryTable {
  /// Binds the `--listen` entry; `completion` learns where.
  func openListenEntry(
    port: UInt16,
    completion: @escaping (Result<BoundEntry, TunnelError>) -> Void
  ) {
    let entry = Entry(isPermanent: true, table: self)
    bind(entry, port: port) { result in
      if case .success = result { self.listenEntry = entry }
      completion(result)
    }
  }

  /// Finds or binds the entry that a registration asks for.
  ///
  /// - Parameters:
  ///   - requested: What the provider asks for.
  ///   - token: Its owner and its ports decide what may be had.
  ///   - completion: Gets the entry, bound, or the reason why not.
  func claim(
    _ requested: RequestedEntry,
    with token: TokenRecord,
    completion: @escaping (Result<Entry, RegistrationRefusal>) -> Void
  ) {
    guard requested.mode == .tcp else {
      let reason = "this server has no entries of the mode \(requested.mode.rawValue)"
      return completion(.failure(RegistrationRefusal(.unsupportedMode, reason: reason)))
    }
    switch requested.port {
    case .listenEntry:
      guard let listenEntry else {
        let reason = "this server has no --listen entry; ask for a port with --tcp"
        return completion(.failure(RegistrationRefusal(.noListenEntry, reason: reason)))
      }
      if let owner = listenEntry.owner, owner != token.user {
        return completion(.failure(listenEntryHeld(by: owner)))
      }
      completion(.success(listenEntry))
    case .any:
      claimPort(0, with: token, completion: completion)
    case .number(let port):
      claimPort(port, with: token, completion: completion)
    }
  }

  private func claimPort(
    _ port: UInt16,
    with token: TokenRecord,
    completion: @escaping (Result<Entry, RegistrationRefusal>) -> Void
  ) {
    let entry = claimed[port]
    if let refusal = token.objection(
      toClaiming: port,
      heldBy: entry?.owner,
      ownPorts: ownPorts
    ) {
      return completion(.failure(refused(refusal)))
    }
    if let entry { return completion(.success(entry)) }
    if port != 0, binding[port] != nil {
      binding[port]?.append { self.claimPort(port, with: token, completion: completion) }
      return
    }
    let held = claimed.values.count { $0.owner == token.user }
    guard claimed.count < TunnelLimits.ports, held < TunnelLimits.portsPerUser else {
      let reason = "too many ports: \(held) of \(TunnelLimits.portsPerUser) for one user"
      return completion(.failure(RegistrationRefusal(.limitReached, reason: reason)))
    }
    if port != 0 { binding[port] = [] }
    let opening = Entry(isPermanent: false, table: self)
    bind(opening, port: port) { result in
      let outcome: Result<Entry, RegistrationRefusal>
      switch result {
      case .success(let bound):
        self.claimed[bound.port] = opening
        outcome = .success(opening)
      case .failure(let error):
        outcome = .failure(RegistrationRefusal(.bindFailed, reason: "\(error)"))
      }
      let waiting = self.binding.removeValue(forKey: port) ?? []
      completion(outcome)
      for askAgain in waiting { askAgain() }
    }
  }

  private func listenEntryHeld(by owner: UserName) -> RegistrationRefusal {
    logger.notice("entry refused", metadata: ["entry": "listen", "owner": "\(owner)"])
    let reason =
      "the server's --listen entry serves another user; ask for a port with --tcp PORT=TARGET"
    return RegistrationRefusal(.portTaken, reason: reason)
  }

  private func refused(_ refusal: ClaimRefusal) -> RegistrationRefusal {
    logger.notice("port refused", metadata: ["reason": "\(refusal.operatorMessage)"])
    switch refusal {
    case .portOfServer, .portHeld:
      return RegistrationRefusal(.portTaken, reason: refusal.providerMessage)
    case .missingScope, .portPrivileged, .portOutsideRanges:
      return RegistrationRefusal(.notPermitted, reason: refusal.providerMessage)
    }
  }

  private func bind(
    _ entry: Entry,
    port: UInt16,
    completion: @escaping (Result<BoundEntry, TunnelError>) -> Void
  ) {
    let address = configuration.address
    let acceptor = NIOLoopBound(entry, eventLoop: loop)
    ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: TunnelLimits.acceptBacklog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      // One at a time, so that the descriptor limit stops the very next one in the kernel's queue.
      .serverChannelOption(.maxMessagesPerRead, value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(acceptor.value.gate)
        }
      }
      .relayOptions()
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try acceptor.value.accept(channel) }
      }
      .bind(host: address, port: Int(port))
      .assumeIsolated()
      .whenComplete { result in
        switch result {
        case .success(let channel):
          completion(self.opened(entry, on: channel))
        case .failure(let error):
          completion(.failure(.bindFailed(address: address, port: port, error: error)))
        }
      }
  }

  private func opened(_ entry: Entry, on channel: any Channel) -> Result<BoundEntry, TunnelError> {
    guard !isClosed, let port = channel.localAddress?.port.flatMap({ UInt16(exactly: $0) }) else {
      channel.close(promise: nil)
      return .failure(.stopping)
    }
    let bound = BoundEntry(mode: .tcp, address: configuration.address, port: port)
    entry.opened(channel, bound: bound)
    counts.listeners += 1
    if !isAccepting { entry.setAccepting(false) }
    entry.logger.info("entry opened", metadata: ["address": "\(bound.address)", "port": "\(port)"])
    return .success(bound)
  }

  /// Stops listening on an entry.
  func close(_ entry: Entry) {
    if let port = entry.bound?.port, claimed[port] === entry { claimed[port] = nil }
    if listenEntry === entry { listenEntry = nil }
    if entry.channel != nil { counts.listeners -= 1 }
    entry.logger.info("entry closed", metadata: ["port": "\(entry.bound?.port ?? 0)"])
    entry.close()
  }

  /// Stops listening everywhere; streams that are open stay.
  func stopListening() {
    isClosed = true
    for entry in entries { close(entry) }
  }

  /// Lets the last bytes of clients leave until a moment after `deadline`; then resets who is still
  /// there.
  func finish(by deadline: Instant, completion: @escaping () -> Void) {
    guard !clients.isEmpty else { return completion() }
    guard finished == nil else { return }
    finished = completion
    let patience = max(.zero, deadline - loop.instant) + TunnelLimits.flushPatience
    loop.assumeIsolated().scheduleTask(in: TimeAmount(patience)) { self.resetClients() }
  }
}

// MARK: - Clients

extension EntryTable {
  /// Counts and keeps a client, or says that it has to go.
  func admit(_ client: Client, to entry: Entry) -> Bool {
    guard !counts.isAtDescriptorLimit else {
      // Accepted in the same turn of the loop as the last one that there was room for.
      count(.descriptors)
      return false
    }
    if let limit = counts.admit(entry: entry.name, user: client.user) {
      count(limit)
      return false
    }
    counters.clients += 1
    clients[ObjectIdentifier(client)] = client
    if isAccepting, counts.isAtDescriptorLimit { setAccepting(false) }
    return true
  }

  /// Forgets a client whose socket is gone.
  func left(_ client: Client, of entry: Entry) {
    guard clients.removeValue(forKey: ObjectIdentifier(client)) != nil else { return }
    counts.leave(entry: entry.name, user: client.user)
    if clients.isEmpty {
      finished?()
      finished = nil
    }
    if !isAccepting, counts.isWellBelowDescriptorLimit { setAccepting(true) }
  }

  /// Closes every client's connection.
  func resetClients() {
    for client in Array(clients.values) { client.turnAway() }
  }

  /// A limit was reached.
  func count(_ limit: ClientCounts.Limit) {
    counters.limitsReached[limit, default: 0] += 1
    logger.debug("client limit reached", metadata: ["limit": "\(limit.rawValue)"])
  }

  private func setAccepting(_ isAccepting: Bool) {
    self.isAccepting = isAccepting
    for entry in entries { entry.setAccepting(isAccepting) }
    if isAccepting {
      logger.notice("accepting clients again", metadata: ["clients": "\(counts.total)"])
    } else {
      logger.warning(
        "accepting paused: descriptor limit reached",
        metadata: ["clients": "\(counts.total)"]
      )
    }
  }
}

extension RegistrationRefusal: Error {}
