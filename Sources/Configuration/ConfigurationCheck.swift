/// Which command a configuration file is for.
package enum ConfiguredRole: String, Sendable, CaseIterable {
  case server, provider
}

extension ConfigurationFile {
  /// Checks every key and value of this file, as far as a file by itself can be right.
  ///
  /// - Parameter role: The command that the file is for; `nil` takes the one that it fits better.
  /// - Returns: That command.
  /// - Throws: ``ConfigurationError/invalid(_:)``.
  package func check(for role: ConfiguredRole? = nil) throws(ConfigurationError) -> ConfiguredRole {
    let roles = role.map { [$0] } ?? ConfiguredRole.allCases
    let results = roles.map { ($0, problems(for: $0)) }
    guard let (best, problems) = results.min(by: { $0.1.count < $1.1.count }) else {
      return .server
    }
    guard problems.isEmpty else { throw .invalid(problems) }
    return best
  }

  /// The problems that lie in this file; what it leaves to flags and the environment is not one.
  private func problems(for role: ConfiguredRole) -> [ConfigurationProblem] {
    var reader = OptionReader(OptionReader.Sources(file: self))
    switch role {
    case .server: _ = ServerOptions(reading: &reader)
    case .provider: _ = ProviderOptions(reading: &reader)
    }
    do {
      try reader.finish()
      return []
    } catch {
      guard case .invalid(let problems) = error else { return [] }
      return problems.filter { problem in
        switch problem.source {
        case .file: true
        case .flag, .environment: false
        }
      }
    }
  }
}

/// A variable that no option has, though one has nearly its name.
package struct MisspeltVariable: Sendable, Equatable {
  package var name: String
  /// The variable that was probably meant.
  package var nearest: String
}

extension OptionReader.Sources {
  /// The `HAWSER_…` variables that look like those of an option: for a warning, since they may be
  /// meant for another program.
  package var misspeltVariables: [MisspeltVariable] {
    var reader = OptionReader(OptionReader.Sources())
    _ = ServerOptions(reading: &reader)
    _ = ProviderOptions(reading: &reader)
    let known = reader.knownVariables + ["HAWSER_CONFIG"]
    // The prefix that all share would make all of them alike.
    let prefix = "HAWSER_"
    let endings = known.map { String($0.dropFirst(prefix.count)) }
    return environment.keys.sorted().filter { !known.contains($0) }.compactMap { name in
      nearestName(to: String(name.dropFirst(prefix.count)), in: endings)
        .map { MisspeltVariable(name: name, nearest: prefix + $0) }
    }
  }
}
