internal import ArgumentParser
internal import HawserConfiguration
internal import HawserPrimitives

/// `hawser demo`.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Shows a download that outlives a cut of its link, without any set-up.",
    discussion: """
      Server, provider, target and client run in this one process, on free ports of 127.0.0.1. A \
      relay between provider and server is cut halfway. Exits with 0 when the client got every \
      byte once, with 70 otherwise.

      EXAMPLES
        hawser demo
        hawser demo --size 100MiB --outage 10s
      """
  )

  @Option(help: ArgumentHelp("How much to transfer.", valueName: "bytes"))
  var size = "32MiB"

  @Option(help: ArgumentHelp("How long the link stays down.", valueName: "time"))
  var outage = "3s"

  @Option(help: ArgumentHelp("The least important lines of the log.", valueName: "level"))
  var logLevel = LoggingOptions.Level.error

  /// The size is kept in memory twice; the outage must fit into the grace of 90 s.
  private static let sizes: ClosedRange<UInt64> = 1...(1 << 30)
  private static let outages: ClosedRange<Duration> = .zero ... .seconds(80)

  func run() async throws {
    guard let size = try? ByteCount(humanText: size).bytes, Self.sizes.contains(size) else {
      throw ValidationError("--size must be from 1B to 1GiB, such as 32MiB")
    }
    guard let outage = try? Duration(humanText: outage), Self.outages.contains(outage) else {
      throw ValidationError("--outage must be from 0s to 80s, such as 3s")
    }
    LineLogHandler.install(LoggingOptions(format: .text, level: logLevel))
    let demonstration = try await Demonstration(size: Int(size), outage: outage)
    try await demonstration.run()
  }
}

extension LoggingOptions.Level: ExpressibleByArgument {}
