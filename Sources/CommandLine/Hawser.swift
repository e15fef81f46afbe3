import ArgumentParser
@main struct Hawser: AsyncParsableCommand { static var configuration: CommandConfiguration { CommandConfiguration(commandName: "hawser") } }
