import Foundation
import Synchronization

/// Runs each job on a thread of its own, where it may block.
final class OwnThread: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Blocks until asynchronous work is done; for threads that may block.
///
/// The work does not depend on the shared threads, which other tests may keep busy.
@discardableResult
func blocking<Result: Sendable>(
  _ work: @escaping @Sendable () async throws -> Result
) throws -> Result {
  let outcome = Handover<Swift.Result<Result, any Error>>()
  Task.detached(executorPreference: OwnThread()) {
    do {
      outcome.put(.success(try await work()))
    } catch {
      outcome.put(.failure(error))
    }
  }
  guard let result = outcome.take(within: .seconds(60)) else {
    throw TookTooLong(description: "asynchronous work took longer than a minute")
  }
  return try result.get()
}

/// Hands one value from one thread to another.
final class Handover<Value: Sendable>: @unchecked Sendable {
  // Written before the semaphore is signalled, read after it.
  private var value: Value?
  private let done = DispatchSemaphore(value: 0)

  /// Puts the value there; once.
  func put(_ value: Value) {
    self.value = value
    done.signal()
  }

  /// Blocks until the value is there; nil when that takes too long. Can be asked again.
  func take(within limit: Duration) -> Value? {
    guard done.wait(timeout: .now() + limit / .seconds(1)) == .success else { return nil }
    done.signal()
    return value
  }
}

/// Hands any number of values from some threads to others.
final class Mailbox<Value: Sendable>: Sendable {
  private let values = Mutex<[Value]>([])
  private let filled = DispatchSemaphore(value: 0)

  /// Puts a value there.
  func put(_ value: Value) {
    values.withLock { $0.append(value) }
    filled.signal()
  }

  /// Blocks until a value is there and takes it; nil when that takes too long.
  func take(within limit: Duration) -> Value? {
    guard filled.wait(timeout: .now() + limit / .seconds(1)) == .success else { return nil }
    return values.withLock { $0.removeFirst() }
  }
}
