/// One run of two sessions through bad weather, decided wholly by its seed.
///
///     chance ──operation──▶ applications ⇄ sessions ⇄ links ⇄ virtual clock
///                                 ╲________ checks ________╱
///
/// The same seed and number of steps give the same run, to the bit.
package struct SimulationRun: Sendable {
  /// Decides everything about the run.
  package let seed: UInt64
  /// Random operations before the run is brought to its end.
  package let steps: Int

  /// - Parameters:
  ///   - seed: Any number.
  ///   - steps: 0 or more; a few hundred show most of what a run can show.
  package init(seed: UInt64, steps: Int) {
    self.seed = seed
    self.steps = steps
  }

  /// Runs.
  ///
  /// - Returns: What was done, when every check held.
  /// - Throws: ``SimulationFailure``, which says what is wrong and how to repeat the run.
  package func run() throws(SimulationFailure) -> SimulationReport {
    let world = SimulatedWorld(seed: seed)
    var step = 0
    do {
      while step < steps, !world.isOver {
        try world.step()
        step += 1
      }
      try world.end()
    } catch {
      throw SimulationFailure(
        seed: seed,
        steps: steps,
        step: step,
        reason: error.text,
        trace: world.trace
      )
    }
    return world.report
  }
}
