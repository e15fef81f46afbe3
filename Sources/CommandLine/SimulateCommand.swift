internal import ArgumentParser
internal import HawserSimulation

/// `hawser simulate`.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Runs the session on a virtual clock and a virtual bad network, and checks it.",
    discussion: """
      The same seed gives the same run. A failure prints what was wrong, how it came to it and the \
      command that repeats it, and exits with 70.

      EXAMPLE
        hawser simulate --seed 42 --steps 5000
      """
  )

  @Option(help: "Where the random choices begin. (default: a new one)")
  var seed: UInt64?

  @Option(help: "How many random operations to make.")
  var steps = 2000

  func validate() throws {
    guard steps > 0 else { throw ValidationError("--steps must be 1 or more") }
  }

  func run() throws {
    let seed = seed ?? UInt64.random(in: .min ... .max)
    Terminal.print("seed \(seed), \(steps) steps")
    do throws(SimulationFailure) {
      Terminal.print("\(try SimulationRun(seed: seed, steps: steps).run())")
    } catch {
      throw CommandFailure(.internalError, "\(error)")
    }
  }
}
