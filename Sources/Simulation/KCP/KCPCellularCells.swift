internal import HawserKCP

/// Cells whose rate wanders, with a queue of 800 ms at their mean rate.
enum CellularCells {
  static var all: [KCPCell] {
    [2, 6, 20].flatMap { megabits in
      [40, 100].flatMap { roundTrip in
        [cell(megabits, roundTrip, .bulk), cell(megabits, roundTrip, .interactive)]
      }
    }
  }

  private static func cell(
    _ megabits: Int,
    _ roundTrip: Int,
    _ control: CongestionControl
  ) -> KCPCell {
    let name = "cell of \(megabits) Mbit/s, \(roundTrip) ms, \(control)"
    return KCPCell(group: .cellular, name: name) { seed, seconds in
      let mean = Double(megabits) * 125_000
      let trace = CellularTrace(seed: seed &* 77 &+ 5, meanRate: mean, seconds: 120)
      return measure(trace, mean: mean, roundTrip: roundTrip, control, seed: seed, seconds: seconds)
    }
  }

  /// Runs one flow over a trace.
  static func measure(
    _ trace: CellularTrace,
    mean: Double,
    roundTrip: Int,
    _ control: CongestionControl,
    seed: UInt64,
    seconds: Int
  ) -> [KCPMeasurement] {
    let delay = Duration.microseconds(roundTrip * 500)
    let queueByteCount = Int(mean * 0.8)
    var forward = PathPlan(bytesPerSecond: mean, delay: delay, queueByteCount: queueByteCount)
    forward.trace = trace
    var flow = FlowPlan()
    flow.control = control
    let startup = CellTools.startup(roundTrip: roundTrip)
    let begin = Int(startup.inMilliseconds)
    let end = begin + seconds * 1000
    let bytes =
      trace.meanRate(until: end) * Double(end) - trace.meanRate(until: begin) * Double(begin)
    let result = CellTools.runBulk(
      (forward, .wide(delay: delay)),
      flow: flow,
      startup: startup,
      seconds: seconds,
      capacity: bytes / Double(end - begin),
      loss: 0,
      seed: seed
    )
    let isBulk = control == .bulk
    let queue = result.queue.quantile(0.95).inMilliseconds
    return [
      CellTools.atLeast("goodput", result.goodput, isBulk ? 0.85 : 0.6),
      CellTools.atMost("transmissions", result.transmissions, 1.03),
      CellTools.atMost("queue p95 ms", queue, isBulk ? 250 : 100),
    ]
  }
}
