import HawserSimulation
import Testing

struct `A simulated run` {
  /// Enough for every kind of weather and ending to come up many times.
  static let seeds: ClosedRange<UInt64> = 1...240
  static let steps = 150

  @Test(arguments: seeds)
  func `finds nothing wrong`(seed: UInt64) throws {
    _ = try SimulationRun(seed: seed, steps: Self.steps).run()
  }

  @Test(arguments: [1, 77, 4_711] as [UInt64])
  func `is the same, to the bit, for the same seed`(seed: UInt64) throws {
    let first = try SimulationRun(seed: seed, steps: Self.steps).run()
    let second = try SimulationRun(seed: seed, steps: Self.steps).run()
    #expect(first == second)
  }

  @Test func `is another one for another seed`() throws {
    let fingerprints = try (1...5).map { seed in
      try SimulationRun(seed: seed, steps: 20).run().fingerprint
    }
    #expect(Set(fingerprints).count == fingerprints.count)
  }
}
