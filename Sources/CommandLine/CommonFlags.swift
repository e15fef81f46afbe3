internal import ArgumentParser
internal import Foundation
internal import HawserConfiguration

/// The flags that every role has.
///
/// The values stay texts here: ``OptionReader`` gives them, the variables and the file one meaning.
struct CommonFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A YAML or JSON file with options, named as the flags; also HAWSER_CONFIG.",
      valueName: "file"
    ),
    completion: .file()
  )
  var config: String?

  @Option(
    help: ArgumentHelp("Write this file when everything is ready.", valueName: "file"),
    completion: .file()
  )
  var readyFile: String?

  @Option(help: "The form of the log on standard error: text or json. (default: text)")
  var logFormat: String?

  @Option(
    help: ArgumentHelp(
      "The least important lines of the log: trace, debug, info, notice, warning, error or "
        + "critical. (default: info)",
      valueName: "level"
    )
  )
  var logLevel: String?

  /// Puts the flags that were given together with the environment and the file.
  ///
  /// - Parameters:
  ///   - flags: The command's own flags by long name; empty lists are flags not given.
  ///   - environment: The process's.
  /// - Returns: What an ``OptionReader`` reads.
  /// - Throws: ``ConfigurationError`` when the file can't be read or parsed.
  func sources(
    with flags: [String: [String]],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ConfigurationError) -> OptionReader.Sources {
    let own = [
      "ready-file": readyFile.asList, "log-format": logFormat.asList, "log-level": logLevel.asList,
    ]
    let path = config ?? environment["HAWSER_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    var file: ConfigurationFile?
    if let path { file = try ConfigurationFile(path: path) }
    return OptionReader.Sources(
      flags: flags.merging(own) { $1 }.filter { !$0.value.isEmpty },
      environment: environment,
      file: file
    )
  }
}

extension String? {
  /// The value of a flag as the list of its values, none when it was not given.
  var asList: [String] { map { [$0] } ?? [] }
}

/// The flag that names a server's state folder, for commands that use nothing else of a server.
struct StateFlag: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The server's state folder. (default: HAWSER_STATE, or the server's default)",
      valueName: "folder"
    ),
    completion: .directory
  )
  var state: String?

  /// The folder's path.
  func path(environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    StatePath.resolve(state ?? environment["HAWSER_STATE"], environment: environment)
  }
}

/// Where a server keeps its state when nobody says.
enum StatePath {
  /// - Parameters:
  ///   - given: What was asked for; `nil` or empty means the default.
  ///   - environment: The process's.
  /// - Returns: The path; by default `/var/lib/hawser` for root, `$XDG_STATE_HOME/hawser` or
  ///   `~/.local/state/hawser` for others.
  static func resolve(_ given: String?, environment: [String: String]) -> String {
    if let given, !given.isEmpty { return given }
    if geteuid() == 0 { return "/var/lib/hawser" }
    // The XDG Base Directory Specification wants a relative path to be ignored.
    if let base = environment["XDG_STATE_HOME"], base.hasPrefix("/") { return "\(base)/hawser" }
    return NSHomeDirectory() + "/.local/state/hawser"
  }
}
