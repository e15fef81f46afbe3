internal import ArgumentParser
internal import HawserConfiguration

/// `hawser provider`.
struct ProviderCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "provider",
    abstract: "Exposes a service through a server.",
    discussion: """
      Dials the server that the join URL names, for ever if need be, and connects its clients to \
      the target. The URL is a secret: prefer --join-file or HAWSER_JOIN to --join, which other \
      users of this machine can see.

      EXAMPLES
        hawser provider --join-file join.txt 8000
        HAWSER_JOIN='hawser://…' hawser provider unix:/run/app.sock
        hawser provider --join-file join.txt --tcp 2222=22 --tcp 5432=db.local:5432

      \(ExitStatus.help)
      """
  )

  @Option(
    help: ArgumentHelp("The join URL; better in HAWSER_JOIN or a file.", valueName: "url")
  )
  var join: String?

  @Option(
    help: ArgumentHelp(
      "A file that holds the join URL, or a server's ready file.",
      valueName: "file"
    ),
    completion: .file()
  )
  var joinFile: String?

  @Option(help: "How to reach the server: tcp, kcp or auto. (default: tcp)")
  var transport: String?

  @Option(help: "What the server calls this provider. (default: this machine's name)")
  var name: String?

  @Option(
    help: ArgumentHelp("How long a session outlives its link. (default: 90s)", valueName: "time")
  )
  var grace: String?

  @Option(
    help: ArgumentHelp(
      "A port on the server for another target; may be repeated.",
      valueName: "port=target"
    )
  )
  var tcp: [String] = []

  @OptionGroup var common: CommonFlags

  @Argument(
    help:
      "What clients of the server's --listen port reach: PORT, host:port, [v6]:port, unix:/path."
  )
  var target: String?

  func run() async throws {
    let sources = try common.sources(with: [
      "join": join.asList, "join-file": joinFile.asList, "transport": transport.asList,
      "name": name.asList, "grace": grace.asList, "tcp": tcp, "target": target.asList,
    ])
    let options = try ProviderOptions(sources)
    LineLogHandler.install(options.logging)
    LineLogHandler.warn(of: sources.misspeltVariables)
    let role = ProviderRole(options)
    try await StopSignals.handle(
      cleanUp: { role.readyFile?.remove() },
      reload: { LineLogHandler.reload { try ProviderOptions(sources.reread()).logging } },
      while: role.run
    )
  }
}
