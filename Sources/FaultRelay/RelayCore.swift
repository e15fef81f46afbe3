internal import NIOCore
internal import NIOPosix

/// Where a relay connects to.
struct RelayTarget: Sendable {
  var host: String
  var port: Int
}

/// The faults in force.
struct RelayFaults {
  var isRefusing = false
  var isSilent = false
  var delay = Duration.zero
  var bytesPerSecond: Int?

  /// The most bytes that one direction of one connection holds before it stops reading.
  ///
  /// With a delay as much as a fast path has in flight (chosen: 4 MiB, 320 Mbit/s at 100 ms);
  /// otherwise little, so that a slow path does not become a long queue.
  var heldBytesLimit: Int { delay > .zero ? 4 << 20 : 128 << 10 }

  /// The most bytes forwarded at once under a rate limit: 20 ms worth, between 1 byte and 64 KiB.
  func quantum(bytesPerSecond: Int) -> Int { min(max(1, bytesPerSecond / 50), 64 << 10) }
}

/// The direction of a ``RelayPath``.
enum RelayDirection {
  /// Client to target.
  case up
  /// Target to client.
  case down
}

/// The state of a relay: listener, faults, counters, connections. Confined to its event loop.
final class RelayCore {
  let loop: any EventLoop
  var target: RelayTarget
  private(set) var faults = RelayFaults()
  private var totals = RelayCounters()
  private var listener: (any Channel)?
  private var connections: [ObjectIdentifier: RelayedConnection] = [:]
  private var freeAt: [RelayDirection: NIODeadline] = [:]
  private var stopping: EventLoopPromise<Void>?

  /// Connections that the kernel completes while nobody accepts: enough for any test's clients.
  private static let backlog: Int32 = 256

  init(target: RelayTarget, on loop: any EventLoop) {
    self.target = target
    self.loop = loop
  }

  /// The totals so far and the gauges of now. O(connections).
  var counters: RelayCounters {
    var counters = totals
    counters.open = connections.count
    counters.heldBytes = connections.values.reduce(0) { $0 + $1.heldBytes }
    return counters
  }

  // MARK: - Listener

  /// Binds the listener and tells where.
  func listen(address: String, port: Int) -> EventLoopFuture<(address: String, port: Int)> {
    let core = NIOLoopBound(self, eventLoop: loop)
    return ServerBootstrap(group: loop)
      .serverChannelOption(.backlog, value: Self.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try core.value.accept(channel) }
      }
      .bind(host: address, port: port)
      .flatMapThrowing { channel in
        guard let bound = channel.localAddress, let port = bound.port else {
          throw ChannelError.unknownLocalAddress
        }
        core.value.listener = channel
        return (bound.ipAddress ?? address, port)
      }
  }

  private func accept(_ client: any Channel) throws {
    totals.accepted += 1
    let connection = RelayedConnection(core: self, client: client)
    connections[ObjectIdentifier(connection)] = connection
    try connection.install()
  }

  // MARK: - Commands

  /// Changes the faults and lets every path act on them.
  func change(_ change: (inout RelayFaults) -> Void) {
    change(&faults)
    freeAt = [:]
    setOption(.autoRead, to: !faults.isSilent, on: listener)
    for connection in connections.values { connection.faultsChanged() }
  }

  /// Resets every connection.
  func cut() -> Int {
    let victims = Array(connections.values)
    for connection in victims { connection.abort() }
    return victims.count
  }

  /// Closes everything; completes when the last socket is closed.
  func stop() -> EventLoopFuture<Void> {
    if let stopping { return stopping.futureResult }
    let promise = loop.makePromise(of: Void.self)
    stopping = promise
    _ = cut()
    let core = NIOLoopBound(self, eventLoop: loop)
    guard let listener else {
      finishStopping()
      return promise.futureResult
    }
    listener.close().whenComplete { _ in
      core.value.listener = nil
      _ = core.value.cut()
      core.value.finishStopping()
    }
    return promise.futureResult
  }

  private func finishStopping() {
    if listener == nil, connections.isEmpty { stopping?.succeed() }
  }

  // MARK: - What connections report

  /// Counts a connection that was reset on arrival.
  func countRefused() { totals.refused += 1 }

  /// Counts a connection whose target did not answer.
  func countUnreachable() { totals.unreachable += 1 }

  /// Counts bytes that were handed to a socket.
  func count(_ bytes: Int, _ direction: RelayDirection) {
    switch direction {
    case .up: totals.bytesUp += UInt64(bytes)
    case .down: totals.bytesDown += UInt64(bytes)
    }
  }

  /// Forgets a connection whose sockets are both closed.
  func forget(_ connection: RelayedConnection) {
    connections[ObjectIdentifier(connection)] = nil
    finishStopping()
  }

  // MARK: - Rate

  /// When the direction may carry its next byte.
  func freeAt(_ direction: RelayDirection) -> NIODeadline { freeAt[direction] ?? .distantPast }

  /// Books the direction for `bytes` at the rate in force.
  func occupy(_ direction: RelayDirection, bytes: Int, bytesPerSecond: Int, now: NIODeadline) {
    let nanoseconds = Double(bytes) / Double(bytesPerSecond) * 1e9
    freeAt[direction] = max(now, freeAt(direction)) + .nanoseconds(Int64(nanoseconds))
  }
}

/// Sets an option of a channel of this loop. A channel that is closed meanwhile has no use for it.
func setOption<Option: ChannelOption>(
  _ option: Option,
  to value: Option.Value,
  on channel: (any Channel)?
) {
  try? channel?.syncOptions?.setOption(option, value: value)
}
