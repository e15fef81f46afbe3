package import HawserCredentials
package import Logging
package import NIOCore

/// The relay that the world can reach: accepts providers on its control port and clients on its
/// entries, and carries each client's connection to a provider.
///
/// Everything happens on one event loop; these methods may be called from anywhere.
package final class Server: Sendable {
  private let loop: any EventLoop
  private let core: NIOLoopBoundBox<ServerCore>

  /// Binds nothing yet, but raises the process's descriptor limit.
  ///
  /// - Parameters:
  ///   - configuration: Everything that can be chosen.
  ///   - store: Who may come in.
  ///   - loop: One of NIO's own, for sockets.
  ///   - logger: Gets one line per event, without secrets.
  package init(
    configuration: ServerConfiguration,
    store: any CredentialStore,
    loop: any EventLoop,
    logger: Logger
  ) {
    self.loop = loop
    let core = ServerCore(
      configuration: configuration,
      store: store,
      descriptorLimit: min(configuration.descriptorLimit ?? .max, DescriptorLimit.raise()),
      loop: loop,
      logger: logger
    )
    self.core = NIOLoopBoundBox.makeBoxSendingValue(core, eventLoop: loop)
  }

  /// Binds the control port and the `--listen` entry.
  ///
  /// - Returns: Where; port 0 has become the one that was picked.
  /// - Throws: ``TunnelError/bindFailed(address:port:reason:)``, with nothing bound.
  package func start() async throws(TunnelError) -> BoundServer {
    let promise = loop.makePromise(of: Result<BoundServer, TunnelError>.self)
    loop.execute { self.core.value.start { promise.succeed($0) } }
    do {
      return try await promise.futureResult.get().get()
    } catch {
      throw error as? TunnelError ?? .stopping
    }
  }

  /// Stops accepting, lets streams finish for the configured time, and closes with a reason. May be
  /// called again, and waits then for the same end.
  package func stop() async {
    try? await loop.flatSubmit { self.core.value.stop() }.get()
  }

  /// Cuts short what ``stop()`` waits for: providers are told, and clients are reset.
  package func hurry() async {
    _ = await onLoop { $0.hurry() }
  }

  /// Ends the sessions of a token; the store refuses their resumption.
  ///
  /// - Returns: How many there were.
  package func revoke(_ token: TokenID) async -> Int {
    await onLoop { $0.revoke(token.text) } ?? 0
  }

  /// Ends the session whose id begins with `prefix`; its provider may be back at once.
  ///
  /// - Returns: Whether exactly one session has such an id.
  package func kill(sessionPrefix prefix: String) async -> Bool {
    await onLoop { $0.kill(prefix: prefix) } ?? false
  }

  /// A look at everything.
  package func status() async -> ServerStatus? {
    await onLoop { $0.status }
  }

  /// `nil` only when the loop was shut down.
  private func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (ServerCore) -> Value
  ) async -> Value? {
    try? await loop.submit { body(self.core.value) }.get()
  }
}
