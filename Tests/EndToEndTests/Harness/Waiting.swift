import Foundation

/// Something did not happen in time.
struct TookTooLong: Error, CustomStringConvertible {
  let description: String
}

/// Blocks until a condition holds that can only be looked at, such as a file that another process
/// writes: this is the one place where these tests poll.
func wait(
  for what: String,
  within limit: Duration = .seconds(30),
  until condition: () throws -> Bool
) throws {
  let end = ContinuousClock.now + limit
  while try !condition() {
    guard ContinuousClock.now < end else {
      throw TookTooLong(description: "\(what) did not happen within \(limit)")
    }
    Thread.sleep(forTimeInterval: 0.01)
  }
}

/// Blocks for the length of an outage: the time itself is what the test is about.
func letPass(_ time: Duration) {
  Thread.sleep(forTimeInterval: time / .seconds(1))
}

/// Work on another thread, whose result is fetched later.
final class Background<Result: Sendable>: Sendable {
  private let outcome = Handover<Swift.Result<Result, any Error>>()

  init(_ work: @escaping @Sendable () throws -> Result) {
    Thread.detachNewThread { [outcome] in
      outcome.put(Swift.Result { try work() })
    }
  }

  /// Whether the work is over.
  var isOver: Bool { outcome.take(within: .zero) != nil }

  /// Blocks until the work is over.
  func value(within limit: Duration = .seconds(120)) throws -> Result {
    guard let result = outcome.take(within: limit) else {
      throw TookTooLong(description: "work in the background took longer than \(limit)")
    }
    return try result.get()
  }
}
