internal import HawserCryptography
package import Logging
package import NIOCore

/// The agent beside a service: dials its server, offers services, opens connections to targets, and
/// comes back with every stream intact when the link was lost.
///
/// Everything happens on one event loop; these methods may be called from anywhere.
package final class Provider: Sendable {
  private let loop: any EventLoop
  private let core: NIOLoopBoundBox<ProviderCore>

  /// Dials nothing yet, but raises the process's descriptor limit.
  ///
  /// - Parameters:
  ///   - configuration: Everything that can be chosen.
  ///   - generator: Jitter of the dial schedule; a seeded one in tests.
  ///   - loop: One of NIO's own, for sockets.
  ///   - logger: Gets one line per event, without secrets.
  package init(
    configuration: ProviderConfiguration,
    generator: sending any RandomNumberGenerator = SecureRandom(),
    loop: any EventLoop,
    logger: Logger
  ) {
    self.loop = loop
    _ = DescriptorLimit.raise()
    let core = ProviderCore(
      configuration: configuration,
      generator: generator,
      loop: loop,
      logger: logger
    )
    self.core = NIOLoopBoundBox.makeBoxSendingValue(core, eventLoop: loop)
  }

  /// Begins to dial, for ever if need be.
  ///
  /// - Returns: When every service is registered for the first time: where clients reach them.
  /// - Throws: A refusal for good, or ``TunnelError/stopping``.
  package func start() async throws(TunnelError) -> [RegisteredService] {
    try await outcome {
      $0.start()
      return $0.ready.futureResult
    }
  }

  /// Waits for the end: returns after ``stop()``.
  ///
  /// - Throws: Why the provider ended by itself, for good.
  package func run() async throws(TunnelError) {
    try await outcome { $0.ended.futureResult }
  }

  /// Takes no new streams, lets those alive finish for the configured time, and says goodbye. May
  /// be called again, and waits then for the same end.
  package func stop() async {
    try? await outcome {
      $0.stop()
      return $0.ended.futureResult
    }
  }

  /// Cuts short what ``stop()`` waits for: the server is told, and streams are reset.
  package func hurry() async {
    try? await loop.submit { self.core.value.hurry() }.get()
  }

  /// A look at everything.
  package func status() async -> ProviderStatus? {
    try? await loop.submit { self.core.value.status }.get()
  }

  private func outcome<Value: Sendable>(
    _ body: @escaping @Sendable (ProviderCore) -> EventLoopFuture<Value>
  ) async throws(TunnelError) -> Value {
    do {
      return try await loop.flatSubmit { body(self.core.value) }.get()
    } catch {
      throw error as? TunnelError ?? .stopping
    }
  }
}
