/// Why options could not be taken from the command line, the environment and the file.
package enum ConfigurationError: Error, Sendable, Equatable {
  /// The configuration file, or a file that an option names, can't be read.
  case unreadable(path: String, reason: String)
  /// The configuration file is neither YAML nor JSON, or not a mapping at its top.
  case malformed(path: String, line: Int, reason: String)
  /// Keys that do not exist, or values that their keys do not take: all of them, in order.
  case invalid([ConfigurationProblem])

  /// Whether only the command line is to blame: the exit code is then that of a usage error.
  package var isUsageError: Bool {
    switch self {
    case .unreadable, .malformed: false
    case .invalid(let problems):
      problems.allSatisfy { problem in
        switch problem.source {
        case .flag: true
        case .environment, .file: false
        }
      }
    }
  }
}

extension ConfigurationError: CustomStringConvertible {
  /// One line for each thing that is wrong, in the form `place: what`.
  package var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): can't be read: \(reason)"
    case .malformed(let path, let line, let reason): "\(path):\(line): \(reason)"
    case .invalid(let problems): problems.map(\.description).joined(separator: "\n")
    }
  }
}

/// One thing that is wrong with one option.
package struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
  /// Where an option was given.
  package enum Source: Sendable, Equatable {
    case flag(name: String)
    case environment(variable: String)
    case file(path: String, line: Int)
  }

  package var source: Source
  /// What is wrong, and what would be right.
  package var text: String

  package var description: String {
    switch source {
    case .flag(let name): "--\(name): \(text)"
    case .environment(let variable): "\(variable): \(text)"
    case .file(let path, let line): "\(path):\(line): \(text)"
    }
  }
}
