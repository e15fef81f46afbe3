internal import ArgumentParser
internal import HawserConfiguration

/// `hawser server`.
struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server",
    abstract: "Runs the server that providers dial and clients connect to.",
    discussion: """
      At its first start it makes an identity and one token, and prints the join URL. Stops \
      gracefully at SIGTERM or SIGINT, without waiting for clients at a second one; SIGHUP takes \
      `log-level` from the \
      file anew.

      EXAMPLES
        hawser server --public-host tunnel.example.org
        hawser server --config /etc/hawser/server.yaml
        HAWSER_LOG_FORMAT=json hawser server --listen 80 --state /var/lib/hawser

      \(ExitStatus.help)
      """
  )

  @Option(
    help: ArgumentHelp("The port for providers; 0 picks one. (default: 9887)", valueName: "port")
  )
  var control: String?

  @Option(
    help: ArgumentHelp("The port for clients; 0 picks one. (default: 8080)", valueName: "port")
  )
  var listen: String?

  @Option(help: "The address that both are bound to. (default: 0.0.0.0)")
  var address: String?

  @Option(
    help: ArgumentHelp(
      "The host in the join URL. (default: the address, or this machine's name)",
      valueName: "name"
    )
  )
  var publicHost: String?

  @Option(
    help: ArgumentHelp(
      "Where identity, tokens and the administration socket are. (default: /var/lib/hawser for "
        + "root, ~/.local/state/hawser for others)",
      valueName: "folder"
    ),
    completion: .directory
  )
  var state: String?

  @Option(
    help: ArgumentHelp("How long a session outlives its link. (default: 90s)", valueName: "time")
  )
  var grace: String?

  @Option(
    help: ArgumentHelp("How long a client waits for a provider. (default: 30s)", valueName: "time")
  )
  var park: String?

  @Option(
    help: ArgumentHelp("How long streams may go on after a stop. (default: 10s)", valueName: "time")
  )
  var drain: String?

  @Option(
    help: ArgumentHelp(
      "The most clients at once. (default: what descriptors allow)",
      valueName: "n"
    )
  )
  var maxClients: String?

  @Option(
    help: ArgumentHelp(
      "A certificate that an authority signed, for join URLs without key=: PEM, the leaf first.",
      valueName: "file"
    ),
    completion: .file()
  )
  var certificate: String?

  @Option(
    help: ArgumentHelp("The key of --certificate: PEM, ECDSA or RSA.", valueName: "file"),
    completion: .file()
  )
  var certificateKey: String?

  @OptionGroup var common: CommonFlags

  func run() async throws {
    let sources = try common.sources(with: [
      "control": control.asList, "listen": listen.asList, "address": address.asList,
      "public-host": publicHost.asList, "state": state.asList, "grace": grace.asList,
      "park": park.asList, "drain": drain.asList, "max-clients": maxClients.asList,
      "certificate": certificate.asList, "certificate-key": certificateKey.asList,
    ])
    let options = try ServerOptions(sources)
    LineLogHandler.install(options.logging)
    LineLogHandler.warn(of: sources.misspeltVariables)
    let role = ServerRole(options)
    try await StopSignals.handle(
      cleanUp: { role.readyFile?.remove() },
      reload: { LineLogHandler.reload { try ServerOptions(sources.reread()).logging } },
      while: role.run
    )
  }
}
