internal import ArgumentParser
internal import HawserAdmin

/// `hawser status`.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Shows what a running server does.",
    discussion: """
      EXAMPLES
        hawser status --state /var/lib/hawser
        hawser status --json | jq '.sessions[].state'
      """
  )

  @OptionGroup var stateFlag: StateFlag

  @Flag(help: "Print the server's answer as it is, for scripts.")
  var json = false

  func run() async throws {
    let client = AdminClient(path: stateFlag.path() + "/" + AdminSocket.fileName)
    if json {
      Terminal.print(try await client.statusDocument())
    } else {
      Terminal.print(StatusReport(try await client.status()).text)
    }
  }
}
