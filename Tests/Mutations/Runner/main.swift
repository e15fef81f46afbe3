import HawserSimulation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

// usage: Runner FIRST-SEED LAST-SEED STEPS
// Exits with 1 at the first seed that finds something wrong.

let arguments = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard arguments.count == 3, arguments[0] <= arguments[1], let steps = Int(exactly: arguments[2])
else {
  print("usage: Runner FIRST-SEED LAST-SEED STEPS")
  exit(64)
}
for seed in arguments[0]...arguments[1] {
  do {
    let report = try SimulationRun(seed: seed, steps: steps).run()
    print("seed \(seed): \(report)")
  } catch {
    print(error)
    exit(1)
  }
}
