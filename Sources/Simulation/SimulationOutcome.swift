/// What a run that found nothing wrong did.
package struct SimulationReport: Sendable, Hashable, CustomStringConvertible {
  /// Random operations of the two applications and of the network.
  package var operations = 0
  /// Streams opened by either side.
  package var streams = 0
  /// Links attached by the accepting side.
  package var links = 0
  /// Links that were cut with records or reports under way, or that died in an outage.
  package var cuts = 0
  /// Records that departed.
  package var records = 0
  /// Bytes that applications read, each of them checked.
  package var bytes = 0
  /// How the run ended.
  package var ending = SimulationPlan.Ending.drain
  /// Virtual time that passed.
  package var elapsed = Duration.zero
  /// A digest of everything that happened: equal for equal runs.
  package var fingerprint: UInt64 = 0

  package var description: String {
    """
    \(operations) operations, \(streams) streams, \(links) links, \(cuts) cuts, \
    \(records) records, \(bytes) bytes checked, ended by \(ending), \
    \(elapsed.components.seconds) s of virtual time, \
    fingerprint \(String(fingerprint, radix: 16))
    """
  }
}

/// A run that found something wrong.
package struct SimulationFailure: Error, Sendable, CustomStringConvertible {
  /// The seed and the number of steps that give the same run again.
  package let seed: UInt64
  package let steps: Int
  /// The step at which it went wrong; `steps` when all of them were done and the run was to end.
  package let step: Int
  /// What is wrong, with the party and the stream or link.
  package let reason: String
  /// The last happenings before it, the oldest first.
  package let trace: [String]

  /// The command that repeats the run.
  package var command: String { "hawser simulate --seed \(seed) --steps \(steps)" }

  package var description: String {
    """
    \(trace.joined(separator: "\n"))
    step \(step): \(reason)
    again with: \(command)
    """
  }
}

/// Something that must not be: a check that did not hold.
struct Discrepancy: Error {
  let text: String

  init(_ text: String) {
    self.text = text
  }
}
