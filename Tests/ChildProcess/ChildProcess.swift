internal import Foundation
internal import Synchronization

/// A program started by a test, safe to start and to wait for from any thread.
///
/// It inherits nothing but the environment that it is given: no descriptor, no signal mask. Its
/// standard input is a file, and what it writes goes to files, so that it never waits for a reader.
package final class ChildProcess: Sendable {
  /// The kernel's number for it.
  package let id: Int32
  /// Nil while it runs. Held while a signal is sent: a number is not another process's before this
  /// one has been waited for.
  private let end = Mutex<Int32?>(nil)
  private let ended = DispatchSemaphore(value: 0)

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - program: A path, or a name that is looked for in `PATH`; one that is not there ends with
  ///     127.
  ///   - arguments: Without the program's own name.
  ///   - environment: All of its environment.
  ///   - folder: Its working directory.
  ///   - input: The file that is its standard input; an empty one unless given.
  ///   - output: The file that gets its standard output.
  ///   - errors: The file that gets its standard error.
  /// - Throws: ``CannotStart``.
  package init(
    _ program: String,
    _ arguments: [String],
    environment: [String: String],
    folder: String,
    input: String = "/dev/null",
    output: String,
    errors: String
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let writing = O_WRONLY | O_CREAT | O_TRUNC
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, writing, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, writing, 0o600)
    // Whatever this process has open stays here; one that is closed meanwhile is no error.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
      guard let descriptor = Int32(name), descriptor > 2 else { continue }
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    // `env` changes the folder and becomes the program.
    var words = (["env", "-C", folder, program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var id: pid_t = 0
    let failure = posix_spawnp(&id, "env", &actions, &attributes, &words, &variables)
    guard failure == 0 else { throw CannotStart(program: program, code: failure) }
    self.id = id
    Thread.detachNewThread { self.reap() }
  }

  /// Whether it has not ended yet.
  package var isRunning: Bool { end.withLock { $0 == nil } }

  /// Sends a signal, unless it has ended.
  package func signal(_ signal: Int32) {
    end.withLock { if $0 == nil { _ = kill(id, signal) } }
  }

  /// Blocks until it has ended.
  ///
  /// - Parameter limit: How long to wait.
  /// - Returns: Its exit code, or minus the signal that killed it; nil while it still runs.
  package func wait(within limit: Duration) -> Int32? {
    guard ended.wait(timeout: .now() + limit / .seconds(1)) == .success else { return nil }
    ended.signal()
    return end.withLock(\.self)
  }

  /// Kills it and waits until it is gone.
  package func kill() {
    signal(SIGKILL)
    _ = wait(within: .seconds(10))
  }

  private func kill(_ id: Int32, _ signal: Int32) -> Int32 { Foundation.kill(id, signal) }

  private func reap() {
    // Waits without taking the number away, which happens under the lock.
    var information = siginfo_t()
    while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) == -1, errno == EINTR {}
    end.withLock { end in
      var status: Int32 = 0
      _ = waitpid(id, &status, 0)
      let signal = status & 0x7F
      end = signal == 0 ? (status >> 8) & 0xFF : -signal
    }
    ended.signal()
  }
}

/// A program could not be started.
package struct CannotStart: Error, CustomStringConvertible {
  let program: String
  let code: Int32

  package var description: String { "\(program): \(String(cString: strerror(code)))" }
}
