internal import HawserKCP

/// Jitter, bursts, reordering, duplication, lost acknowledgements; at 20 Mbit/s unless it says
/// otherwise.
enum WeatherCells {
  static var all: [KCPCell] {
    jitter + [20, 60, 150].flatMap { [bursts($0), reordering($0), duplication($0)] } + lostAnswers
  }

  private static var jitter: [KCPCell] {
    [5, 20, 100].flatMap { megabits in
      [20, 60, 150, 300].map { roundTrip in
        cell("jitter of half of \(roundTrip) ms, \(megabits) Mbit/s", megabits, roundTrip) { path in
          path.jitter = .microseconds(roundTrip * 500)
        } measure: { result in
          [
            CellTools.atLeast("goodput", result.goodput, 0.93),
            CellTools.atMost("spurious", result.spurious, 0.005),
          ]
        }
      }
    }
  }

  private static func bursts(_ roundTrip: Int) -> KCPCell {
    // 80 ms of 80 % every 2 s: 3.1 % in all.
    cell("bursts, \(roundTrip) ms", 20, roundTrip, loss: 0.0308) { path in
      path.bursts = LossBursts(every: .seconds(2), length: .milliseconds(80), loss: 8000)
    } measure: { result in
      [
        CellTools.atLeast("goodput", result.goodput, 0.90),
        CellTools.atMost("transmissions", result.transmissions, 1.05),
      ]
    }
  }

  private static func reordering(_ roundTrip: Int) -> KCPCell {
    cell("5 % late by a third of \(roundTrip) ms", 20, roundTrip) { path in
      path.reordered = 500
      path.lateness = .microseconds(roundTrip * 333)
    } measure: { result in
      [
        CellTools.atLeast("goodput", result.goodput, 0.93),
        CellTools.atMost("spurious", result.spurious, 0.005),
      ]
    }
  }

  private static func duplication(_ roundTrip: Int) -> KCPCell {
    cell("10 % twice, \(roundTrip) ms", 20, roundTrip) { path in
      path.duplicated = 1000
    } measure: { result in
      [
        CellTools.atLeast("goodput", result.goodput, 0.95),
        CellTools.atMost("transmissions", result.transmissions, 1.02),
      ]
    }
  }

  private static var lostAnswers: [KCPCell] {
    [10, 30, 50].flatMap { loss in
      [AcknowledgementFormat.ranges, .segments].map { format in
        let name = "\(loss) % of the acknowledgements lost, \(format)"
        return KCPCell(group: .weather, name: name) { seed, seconds in
          var flow = FlowPlan()
          flow.acknowledgements = format
          let paths = CellTools.paths(megabits: 20, roundTrip: 60, queue: 1, backwardLoss: loss)
          let result = CellTools.runBulk(
            paths,
            flow: flow,
            startup: CellTools.startup(roundTrip: 60),
            seconds: seconds,
            loss: 0,
            seed: seed
          )
          return [
            CellTools.atLeast("goodput", result.goodput, 0.95),
            CellTools.atMost("transmissions", result.transmissions, 1.02),
          ]
        }
      }
    }
  }

  private static func cell(
    _ name: String,
    _ megabits: Int,
    _ roundTrip: Int,
    loss: Double = 0,
    change: @escaping @Sendable (inout PathPlan) -> Void,
    measure: @escaping @Sendable (CellTools.Bulk) -> [KCPMeasurement]
  ) -> KCPCell {
    KCPCell(group: .weather, name: name) { seed, seconds in
      var paths = CellTools.paths(megabits: Double(megabits), roundTrip: roundTrip, queue: 1)
      change(&paths.forward)
      let result = CellTools.runBulk(
        paths,
        startup: CellTools.startup(roundTrip: roundTrip),
        seconds: seconds,
        loss: loss,
        seed: seed
      )
      return measure(result)
    }
  }
}
