internal import HawserKCP

/// Flows that share a bottleneck of 20 Mbit/s, 60 ms, with a queue of one bandwidth-delay product;
/// and small records by themselves and beside a bulk flow.
enum SharingCells {
  static var all: [KCPCell] {
    [
      sharing("two flows", flows: 2), sharing("three flows", flows: 3),
      beside("a TCP cubic", .cubic), beside("a TCP BBR", .bbr),
      echo(loss: 0), echo(loss: 10), echo(loss: 20), echo(loss: 10, duplicates: true),
      echo(loss: 20, duplicates: true), loadedEcho(loss: 0), loadedEcho(loss: 2),
    ]
  }

  private static func shares(
    flows: [FlowPlan],
    competitors: [(kind: Competitor, start: Duration)],
    seconds: Int,
    seed: UInt64
  ) -> [Double] {
    let paths = CellTools.paths(megabits: 20, roundTrip: 60, queue: 1)
    let simulation = PathSimulation(
      forward: paths.forward,
      backward: paths.backward,
      flows: flows,
      competitors: competitors,
      seed: seed
    )
    simulation.run(until: .seconds(6))
    let before = simulation.received
    simulation.run(until: .seconds(6 + seconds))
    let bytes = zip(simulation.received, before).map { Double($0 - $1) }
    let limit = paths.forward.bytesPerSecond * simulation.flows[0].efficiency * Double(seconds)
    return bytes.map { $0 / limit }
  }

  private static func sharing(_ name: String, flows count: Int) -> KCPCell {
    KCPCell(group: .fairness, name: name) { seed, seconds in
      let flows = (0..<count).map { index in
        var flow = FlowPlan()
        flow.start = .milliseconds(index * 1500)
        return flow
      }
      let shares = shares(flows: flows, competitors: [], seconds: seconds * 2, seed: seed)
      let sum = shares.reduce(0, +)
      let squares = shares.reduce(0) { $0 + $1 * $1 }
      return [
        CellTools.atLeast("Jain", sum * sum / (Double(count) * squares), 0.9),
        CellTools.atLeast("together", sum, 0.9),
      ]
    }
  }

  private static func beside(_ name: String, _ kind: Competitor) -> KCPCell {
    KCPCell(group: .fairness, name: "one beside \(name)") { seed, seconds in
      let shares = shares(
        flows: [FlowPlan()],
        competitors: [(kind, .milliseconds(seed * 101 % 1000))],
        seconds: seconds * 2,
        seed: seed
      )
      return [
        CellTools.atLeast("ours", shares[0], 0.25), CellTools.atLeast("theirs", shares[1], 0.25),
      ]
    }
  }

  private static func echo(loss: Int, duplicates: Bool = false) -> KCPCell {
    let name = "echo of 100 bytes, loss \(loss) % each way\(duplicates ? ", second copies" : "")"
    return KCPCell(group: .echo, name: name) { seed, seconds in
      var plan = FlowPlan()
      plan.traffic = .echo(every: .milliseconds(50), byteCount: 100)
      plan.control = .interactive
      plan.duplicatesRetransmissions = duplicates
      let paths = CellTools.paths(
        megabits: 20,
        roundTrip: 60,
        queue: 1,
        loss: loss,
        backwardLoss: loss
      )
      func run(_ paths: (forward: PathPlan, backward: PathPlan)) -> KCPFlow {
        let simulation = PathSimulation(
          forward: paths.forward,
          backward: paths.backward,
          flows: [plan],
          seed: seed
        )
        simulation.run(until: .seconds(seconds * 4))
        return simulation.flows[0]
      }
      let flow = run(paths)
      let lossless = run(CellTools.paths(megabits: 20, roundTrip: 60, queue: 1))
      let bytes = Double(flow.bytesOnWire) / Double(max(lossless.bytesOnWire, 1))
      let bound = [0: 80, 10: duplicates ? 200 : 230, 20: 400][loss] ?? 1000
      return [
        CellTools.shown("p50 ms", flow.echoes.quantile(0.5).inMilliseconds),
        CellTools.atMost("p99 ms", flow.echoes.quantile(0.99).inMilliseconds, Double(bound)),
        CellTools.atMost("bytes, of lossless", bytes, loss > 10 ? 2.2 : 1.6),
      ]
    }
  }

  /// Small records of a connection of their own, in the queue that a bulk flow makes.
  private static func loadedEcho(loss: Int) -> KCPCell {
    KCPCell(group: .echo, name: "echo beside a bulk flow, loss \(loss) %") { seed, seconds in
      var echo = FlowPlan()
      echo.traffic = .echo(every: .milliseconds(50), byteCount: 100)
      echo.control = .interactive
      let paths = CellTools.paths(
        megabits: 20,
        roundTrip: 60,
        queue: 1,
        loss: loss,
        backwardLoss: loss
      )
      func quantile(_ flows: [FlowPlan]) -> Double {
        let simulation = PathSimulation(
          forward: paths.forward,
          backward: paths.backward,
          flows: flows,
          seed: seed
        )
        simulation.run(until: .seconds(3 + seconds * 2))
        return simulation.flows[0].echoes.quantile(0.99).inMilliseconds
      }
      let idle = quantile([echo])
      let loaded = quantile([echo, FlowPlan()])
      return [
        CellTools.shown("idle p99 ms", idle), CellTools.atMost("loaded p99 ms", loaded, idle + 80),
      ]
    }
  }
}
