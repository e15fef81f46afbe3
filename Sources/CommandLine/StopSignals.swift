internal import ArgumentParser
internal import Logging
internal import UnixSignals

/// SIGTERM and SIGINT: the first asks a role to stop gracefully, the second ends the process.
struct StopSignals: Sendable {
  private let requests: AsyncStream<Void>

  /// Returns at the first signal; to be awaited once.
  func wait() async {
    for await _ in requests { return }
  }

  /// Runs `role`, and meanwhile listens to the signals.
  ///
  /// - Parameters:
  ///   - cleanUp: Called before the process ends at a second signal: what must not be left behind.
  ///   - reload: Called at each SIGHUP.
  ///   - role: Waits for the first signal and then ends by itself.
  /// - Throws: What `role` throws.
  static func handle(
    cleanUp: @escaping @Sendable () -> Void,
    reload: @escaping @Sendable () -> Void = {},
    while role: (StopSignals) async throws -> Void
  ) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
    let (requests, continuation) = AsyncStream.makeStream(of: Void.self)
    let listener = Task {
      var isStopping = false
      for await signal in signals {
        if signal == .sighup {
          reload()
        } else if isStopping {
          cleanUp()
          Hawser.exit(withError: ExitCode(ExitStatus.success.rawValue))
        } else {
          isStopping = true
          continuation.yield()
        }
      }
    }
    defer { listener.cancel() }
    try await role(StopSignals(requests: requests))
  }
}
