import Foundation
import HawserSimulation

// usage: Runner FIRST-SEED LAST-SEED STEPS
// Runs the seeds in order, as many at once as there are processors, and exits with 1 at the first
// that finds something wrong.

let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard arguments.count == 3, arguments[0] <= arguments[1], let steps = Int(exactly: arguments[2])
else {
  print("usage: Runner FIRST-SEED LAST-SEED STEPS")
  exit(64)
}

let width = UInt64(ProcessInfo.processInfo.activeProcessorCount)
for first in stride(from: arguments[0], through: arguments[1], by: Int(width)) {
  let seeds = first...min(arguments[1], first + width - 1)
  let runs = seeds.map { seed in
    Task.detached { try SimulationRun(seed: seed, steps: steps).run() }
  }
  for (seed, run) in zip(seeds, runs) {
    do {
      print("seed \(seed): \(try await run.value)")
    } catch {
      print(error)
      exit(1)
    }
  }
}
