internal import ArgumentParser
internal import HawserConfiguration

/// `hawser config`.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Looks after configuration files.",
    subcommands: [ConfigCheckCommand.self]
  )
}

/// `hawser config check`.
struct ConfigCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Says whether a configuration file is right.",
    discussion: """
      The keys are the long flags' names of `hawser server` or `hawser provider`. Prints `ok`, or \
      each error on standard error, and then exits with 78.

      EXAMPLE
        hawser config check /etc/hawser/server.yaml
      """
  )

  @Argument(help: "The YAML or JSON file.", completion: .file())
  var file: String

  @Option(
    help: ArgumentHelp(
      "The command that the file is for: server or provider. (default: the one that it fits)"
    )
  )
  var role: ConfiguredRole?

  func run() throws {
    let role = try ConfigurationFile(path: file).check(for: role)
    Terminal.print("ok: \(file) configures a \(role.rawValue)")
  }
}

extension ConfiguredRole: ExpressibleByArgument {}
