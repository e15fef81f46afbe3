internal import HawserTunnel

/// How the program ends; the numbers are those of `sysexits.h`, and scripts rely on them.
enum ExitStatus: Int32, CaseIterable {
  /// Stopped as asked.
  case success = 0
  /// The command line is wrong.
  case usage = 64
  /// The other side refused for good, or there is nobody to ask: trying again would not help.
  case refused = 69
  /// Something failed that should not.
  case internalError = 70
  /// The configuration is wrong: a file, a variable, a state folder or an address to bind.
  case configuration = 78

  /// The table for `hawser --help`.
  static let help = """
    EXIT CODES
      0   stopped as asked
      64  the command line is wrong
      69  refused for good: bad or revoked token, wrong server
          key, replaced by another copy, nobody to ask
      70  internal error
      78  the configuration is wrong: a file, a variable, the
          state folder, an address to bind
    """
}

/// An end of the program that a person can understand: a sentence and an exit code.
struct CommandFailure: Error, Equatable {
  var status: ExitStatus
  /// What happened, and what to do; without a final stop.
  var message: String

  init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }
}

extension TunnelError {
  /// How the program ends when a role could not go on.
  var exitStatus: ExitStatus {
    switch self {
    case .stopping: .success
    case .bindFailed, .invalidConfiguration: .configuration
    case .credentialsRefused, .wrongServer, .replaced, .serviceRefused, .refusedForGood: .refused
    }
  }
}
