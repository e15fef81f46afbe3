internal import HawserKCP

/// Paths that change under a flow: blackouts, steps of the rate and of the round trip.
enum ChangeCells {
  static var all: [KCPCell] {
    let blackouts = [20, 60, 300].flatMap { roundTrip in
      [200, 1000, 5000, 30_000].map { blackout($0, roundTrip) }
    }
    let rates = [(5.0, 20.0), (20.0, 5.0), (20.0, 100.0), (100.0, 20.0)].map(rateStep)
    let delays = [(20, 150), (60, 150), (150, 60), (60, 300), (300, 60)].map(delayStep)
    return blackouts + rates + delays
  }

  private static func blackout(_ milliseconds: Int, _ roundTrip: Int) -> KCPCell {
    let name = "blackout of \(milliseconds) ms, \(roundTrip) ms"
    return KCPCell(group: .blackout, name: name) { seed, _ in
      let start = CellTools.startup(roundTrip: roundTrip) + .milliseconds(seed * 37 % 200)
      let blackout = Blackout(start: start, length: .milliseconds(milliseconds))
      var paths = CellTools.paths(megabits: 20, roundTrip: roundTrip, queue: 1)
      paths.forward.blackouts = [blackout]
      paths.backward.blackouts = [blackout]
      let simulation = PathSimulation(
        forward: paths.forward,
        backward: paths.backward,
        flows: [FlowPlan()],
        seed: seed
      )
      // What was under way behind the bottleneck arrives when the way is open again, so the first
      // new byte is one that comes half a round trip later.
      simulation.run(until: blackout.end + .microseconds(roundTrip * 490))
      let before = simulation.received[0]
      var first = blackout.end + .microseconds(roundTrip * 490)
      while simulation.received[0] == before, first < blackout.end + .seconds(20) {
        first += .milliseconds(1)
        simulation.run(until: first)
      }
      simulation.run(until: blackout.end + .seconds(2))
      let atTwo = simulation.received[0]
      simulation.run(until: blackout.end + .seconds(4))
      let rate = Double(simulation.received[0] - atTwo) / 2
      let limit = paths.forward.bytesPerSecond * simulation.flows[0].efficiency
      let gap = (first - blackout.end).inMilliseconds
      return [
        CellTools.atMost("first byte ms", gap, Double(roundTrip) + 250),
        CellTools.shown("goodput 2 s to 4 s later", rate / limit),
      ]
    }
  }

  /// A rate that changes every four seconds.
  private static func rateStep(_ from: Double, _ to: Double) -> KCPCell {
    KCPCell(group: .steps, name: "rate \(Int(from)) ⇄ \(Int(to)) Mbit/s every 4 s") {
      seed,
      seconds in
      var paths = CellTools.paths(megabits: from, roundTrip: 60, queue: 1)
      paths.forward.queueByteCount = Int(min(from, to) * 125_000 * 0.12)
      let startup = CellTools.startup(roundTrip: 60)
      let turns = max(1, seconds / 8)
      for turn in 0..<(turns * 2) {
        let rate = turn % 2 == 0 ? to : from
        let at = startup + .seconds(4 * turn + 4)
        paths.forward.steps.append(PathStep(at: at, .rate(rate * 125_000)))
      }
      let result = CellTools.runBulk(
        paths,
        startup: startup,
        seconds: turns * 8,
        capacity: (from + to) / 2 * 125_000,
        loss: 0,
        seed: seed
      )
      return [
        CellTools.atLeast("goodput", result.goodput, 0.75),
        CellTools.atMost("transmissions", result.transmissions, 1.1),
      ]
    }
  }

  /// A round trip that changes for good.
  private static func delayStep(_ from: Int, _ to: Int) -> KCPCell {
    KCPCell(group: .steps, name: "round trip from \(from) to \(to) ms") { seed, seconds in
      var paths = CellTools.paths(megabits: 20, roundTrip: from, queue: 1)
      paths.forward.queueByteCount = max(from, to) * 2500
      let startup = CellTools.startup(roundTrip: from)
      let delay = Duration.microseconds(to * 500)
      paths.forward.steps = [PathStep(at: startup, .delay(delay))]
      paths.backward.steps = [PathStep(at: startup, .delay(delay))]
      let result = CellTools.runBulk(
        paths,
        startup: startup,
        seconds: seconds,
        loss: 0,
        seed: seed
      )
      return [
        CellTools.atLeast("goodput", result.goodput, 0.8),
        CellTools.atMost("transmissions", result.transmissions, 1.05),
      ]
    }
  }
}
