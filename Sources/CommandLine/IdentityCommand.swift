internal import ArgumentParser
internal import HawserStorage

/// `hawser identity`.
struct IdentityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity",
    abstract: "Prints a server's public key and the join key that its join URLs carry.",
    discussion: """
      The join key holds the public key and the knock secret: with it, a provider knows the \
      server, and the server answers on UDP. It lets nobody in without a token.

      EXAMPLE
        hawser identity --state /var/lib/hawser
      """
  )

  @OptionGroup var stateFlag: StateFlag

  func run() throws {
    let directory = try StateDirectory(existingAt: stateFlag.path())
    guard let identity = try directory.identity() else {
      throw CommandFailure(
        .configuration,
        "no server has started with \(directory.path) yet: it has no identity"
      )
    }
    Terminal.print("public key  \(identity.joinKey)")
    Terminal.print("join key    \(identity.joinKey.text)")
  }
}
