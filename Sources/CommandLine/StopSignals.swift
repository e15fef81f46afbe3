internal import ArgumentParser
internal import Logging
internal import UnixSignals

/// SIGTERM and SIGINT: the first asks a role to stop gracefully, the second to say goodbye at once,
/// the third ends the process.
struct StopSignals: Sendable {
  private let requests: AsyncStream<Void>

  /// Returns at the next signal; to be awaited by one task at a time.
  func wait() async {
    for await _ in requests { return }
  }

  /// Stops gracefully, and at the next signal without waiting for streams.
  ///
  /// - Parameters:
  ///   - stop: Stops the role; returns when it is over.
  ///   - hurry: Makes `stop` return soon.
  func stop(
    _ stop: @escaping @Sendable () async -> Void,
    hurry: @escaping @Sendable () async -> Void
  ) async {
    let hurrier = Task {
      await wait()
      if !Task.isCancelled { await hurry() }
    }
    await stop()
    hurrier.cancel()
  }

  /// Runs `role`, and meanwhile listens to the signals.
  ///
  /// - Parameters:
  ///   - cleanUp: Called before the process ends at a third signal: what must not be left behind.
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
      var stops = 0
      for await signal in signals {
        if signal == .sighup {
          reload()
          continue
        }
        stops += 1
        if stops > 2 {
          cleanUp()
          Hawser.exit(withError: ExitCode(ExitStatus.success.rawValue))
        }
        continuation.yield()
      }
    }
    defer { listener.cancel() }
    try await role(StopSignals(requests: requests))
  }
}
