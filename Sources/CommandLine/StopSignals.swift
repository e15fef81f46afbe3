internal import ArgumentParser
internal import UnixSignals

/// Runs a role until SIGTERM or SIGINT, and lets a second signal end the process at once.
enum StopSignals {
  /// Runs `role`; at the first signal calls `stop`, which lets `role` return.
  ///
  /// - Parameters:
  ///   - role: Returns when the role has ended, by itself or after `stop`.
  ///   - stop: Asks the role to end gracefully.
  ///   - atOnce: Called before the process ends at a second signal: what must not be left behind.
  static func run(
    _ role: @escaping @Sendable () async throws -> Void,
    stop: @escaping @Sendable () async -> Void,
    atOnce: @escaping @Sendable () -> Void
  ) async throws {
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        var count = 0
        for await _ in signals {
          count += 1
          guard count == 1 else {
            atOnce()
            Hawser.exit(withError: ExitCode.success)
          }
          // Not awaited: the second signal must be heard while the first is obeyed.
          Task { await stop() }
        }
      }
      defer { group.cancelAll() }
      try await role()
    }
  }
}
