internal import ArgumentParser

/// `hawser token`.
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Makes, lists and revokes the tokens that let providers in.",
    subcommands: [
      TokenCreateCommand.self, TokenListCommand.self, TokenRevokeCommand.self,
    ]
  )
}
