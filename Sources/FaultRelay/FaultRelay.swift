package import NIOCore
internal import NIOPosix

/// A TCP relay between a listener and a target whose faults are commanded by method calls.
///
/// It is the bad network of the tests and of the demonstration: what a dying access point, a
/// rebooting router or a firewall does to a connection, done on purpose and at a known moment.
/// Every command has taken effect on the relay when it returns.
///
/// ```
///               up: client → target, down: target → client
///   client ══▶ RelayEnd ══▶ RelayPath (held bytes: delay, rate) ══▶ RelayEnd ══▶ target
///          ◀══          ◀══ RelayPath                           ◀══          ◀══
///                              ▲
///                         RelayCore (faults, counters, listener), all on one event loop
/// ```
package final class FaultRelay: Sendable {
  /// The port that clients dial, 1 to 65535.
  package let port: Int
  /// The address that the listener is bound to.
  package let address: String

  private let core: NIOLoopBound<RelayCore>

  private init(port: Int, address: String, core: NIOLoopBound<RelayCore>) {
    self.port = port
    self.address = address
    self.core = core
  }

  /// Starts a relay without faults.
  ///
  /// - Parameters:
  ///   - listen: The address to bind.
  ///   - port: The port to bind; 0 picks a free one.
  ///   - host: The target's address or name, resolved for each connection.
  ///   - targetPort: The target's port. The target is dialled only when a client comes.
  ///   - group: One of its loops serves the whole relay.
  /// - Returns: The relay, listening.
  /// - Throws: ``FaultRelayError/cannotListen(address:port:reason:)``.
  package static func start(
    listen: String,
    port: Int,
    to host: String,
    port targetPort: Int,
    on group: any EventLoopGroup
  ) async throws(FaultRelayError) -> FaultRelay {
    let loop = group.any()
    let target = RelayTarget(host: host, port: targetPort)
    do {
      let core = try await loop.submit {
        NIOLoopBound(RelayCore(target: target, on: loop), eventLoop: loop)
      }.get()
      let bound = try await loop.flatSubmit { core.value.listen(address: listen, port: port) }.get()
      return FaultRelay(port: bound.port, address: bound.address, core: core)
    } catch {
      throw .cannotListen(address: listen, port: port, reason: "\(error)")
    }
  }

  /// Resets every connection, towards both sides (RST). New ones are relayed as before.
  ///
  /// - Returns: The number of connections that were cut.
  @discardableResult
  package func cut() async throws(FaultRelayError) -> Int {
    try await perform { $0.cut() }
  }

  /// Resets new connections as soon as they are accepted. Established ones go on.
  package func refuse(_ isRefusing: Bool) async throws(FaultRelayError) {
    try await perform { $0.change { $0.isRefusing = isRefusing } }
  }

  /// Drops the path without a word, as a black hole would.
  ///
  /// While silent, nothing is read, forwarded or closed, and new connections stay in the kernel's
  /// backlog. What a process cannot imitate: the kernel still acknowledges bytes until its buffers
  /// are full, and still completes TCP handshakes. When the silence ends all goes on where it
  /// stopped, as after retransmission; ends that came meanwhile are then passed on.
  package func silence(_ isSilent: Bool) async throws(FaultRelayError) {
    try await perform { $0.change { $0.isSilent = isSilent } }
  }

  /// Holds whatever arrives from now on for `duration` before it is forwarded, each way.
  package func delay(_ duration: Duration) async throws(FaultRelayError) {
    try await perform { $0.change { $0.delay = max(.zero, duration) } }
  }

  /// Limits each direction, all connections together.
  ///
  /// - Parameter bytesPerSecond: At least 1; `nil` lifts the limit.
  /// - Throws: ``FaultRelayError/loopStopped``.
  package func throttle(bytesPerSecond: Int?) async throws(FaultRelayError) {
    try await perform { $0.change { $0.bytesPerSecond = bytesPerSecond.map { max(1, $0) } } }
  }

  /// Sends new connections to another target. Established ones stay where they are.
  package func retarget(to host: String, port: Int) async throws(FaultRelayError) {
    try await perform { $0.target = RelayTarget(host: host, port: port) }
  }

  /// What has passed so far.
  package func counters() async throws(FaultRelayError) -> RelayCounters {
    try await perform { $0.counters }
  }

  /// Closes the listener, resets every connection, and returns when all sockets are closed.
  /// Later calls do nothing.
  package func stop() async {
    let core = core
    let loop = core.eventLoop
    try? await loop.flatSubmit { core.value.stop() }.get()
  }

  private func perform<Result: Sendable>(
    _ command: @escaping @Sendable (RelayCore) -> Result
  ) async throws(FaultRelayError) -> Result {
    let core = core
    do {
      return try await core.eventLoop.submit { command(core.value) }.get()
    } catch {
      throw .loopStopped
    }
  }
}

/// What a ``FaultRelay`` has seen since it started.
package struct RelayCounters: Sendable, Hashable {
  /// Connections accepted, the refused ones included.
  package var accepted = 0
  /// Connections reset on arrival because the relay was refusing.
  package var refused = 0
  /// Connections reset because the target could not be reached.
  package var unreachable = 0
  /// Connections that are open now.
  package var open = 0
  /// Bytes held now by delay, rate or back-pressure.
  package var heldBytes = 0
  /// Bytes handed to targets' sockets.
  package var bytesUp: UInt64 = 0
  /// Bytes handed to clients' sockets.
  package var bytesDown: UInt64 = 0
}

/// Why a relay cannot do what it was told.
package enum FaultRelayError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The listener could not be bound.
  case cannotListen(address: String, port: Int, reason: String)
  /// The event loop has been shut down.
  case loopStopped

  package var description: String {
    switch self {
    case .cannotListen(let address, let port, let reason):
      "the fault relay cannot listen on \(address) port \(port): \(reason)"
    case .loopStopped: "the fault relay's event loop has stopped"
    }
  }
}
