internal import ArgumentParser
internal import Foundation
internal import HawserAdmin
internal import HawserConfiguration
internal import HawserStorage
internal import HawserTunnel

/// The program `hawser`.
@main
struct Hawser: AsyncParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "hawser",
    abstract:
      "Exposes a service behind NAT through a server, and holds its connections in bad weather.",
    discussion: """
      EXAMPLES
        On a machine that the world can reach:
          hawser server --public-host tunnel.example.org
        Beside the service, with the join URL that the server printed:
          hawser provider --join 'hawser://…' 8000
        A look at it all, without any set-up:
          hawser demo

      Options may also be given as HAWSER_… variables (HAWSER_PUBLIC_HOST) and in a YAML or JSON \
      file (--config): flags win over variables, variables over the file.

      \(ExitStatus.help)
      """,
    version: version,
    subcommands: [

      ServerCommand.self, ProviderCommand.self, TokenCommand.self, IdentityCommand.self,
      ConfigCommand.self, StatusCommand.self, DemoCommand.self, SimulateCommand.self,
      RelayCommand.self,

    ]
  )

  /// Runs the command and ends the process with its code.
  static func main() async {
    // A reader of our output that goes away must not end the tunnel.
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(with: error)
    }
  }

  private static func end(with error: any Error) -> Never {
    let failure: CommandFailure
    switch error {
    case let error as CommandFailure: failure = error
    case let error as ConfigurationError:
      failure = CommandFailure(error.isUsageError ? .usage : .configuration, "\(error)")
    case let error as AdminError: failure = CommandFailure(.refused, "\(error)")
    case let error as StorageError: failure = CommandFailure(.configuration, "\(error)")
    case let error as TunnelError: failure = CommandFailure(error.exitStatus, "\(error)")
    default:
      // What the parser throws, help and version among it, it prints best itself.
      if exitCode(for: error) != .failure { exit(withError: error) }
      failure = CommandFailure(.internalError, "\(error)")
    }
    Terminal.complain(failure.message)
    exit(withError: ExitCode(failure.status.rawValue))
  }
}
