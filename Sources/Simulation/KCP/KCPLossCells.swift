internal import HawserKCP

/// Random loss behind a bottleneck, both ways, for rates, round trips and queues; with our
/// receiver, and with ikcp.c's.
enum LossCells {
  /// Loss in percent, and what goodput and transmissions must be.
  private static let ours: [(loss: Int, goodput: Double, transmissions: Double)] = [
    (0, 0.95, 1.02), (1, 0.95, 1.02), (5, 0.94, 1.03), (10, 0.93, 1.05), (20, 0.88, 1.08),
    (30, 0.80, 1.15),
  ]
  private static let stock: [(loss: Int, goodput: Double, transmissions: Double)] = [
    (0, 0.95, 1.02), (1, 0.95, 1.03), (5, 0.90, 1.08), (10, 0.85, 1.15), (20, 0.75, 1.25),
    (30, 0.65, 1.4),
  ]

  static var all: [KCPCell] {
    let rates = [5, 20, 100]
    let roundTrips = [20, 60, 150, 300]
    var cells: [KCPCell] = []
    for megabits in rates {
      for roundTrip in roundTrips {
        for queue in [0.5, 1, 4] {
          for want in ours {
            cells.append(cell(.loss, megabits, roundTrip, queue, want, hasStockReceiver: false))
          }
        }
        for want in stock {
          cells.append(cell(.stock, megabits, roundTrip, 1, want, hasStockReceiver: true))
        }
      }
    }
    return cells
  }

  private static func cell(
    _ group: KCPCell.Group,
    _ megabits: Int,
    _ roundTrip: Int,
    _ queue: Double,
    _ want: (loss: Int, goodput: Double, transmissions: Double),
    hasStockReceiver: Bool
  ) -> KCPCell {
    let receiver = hasStockReceiver ? ", to ikcp" : ""
    let name =
      "\(megabits) Mbit/s, \(roundTrip) ms, queue \(queue), loss \(want.loss) %\(receiver)"
    return KCPCell(group: group, name: name) { seed, seconds in
      var flow = FlowPlan()
      flow.hasStockReceiver = hasStockReceiver
      let result = CellTools.runBulk(
        CellTools.paths(
          megabits: Double(megabits),
          roundTrip: roundTrip,
          queue: queue,
          loss: want.loss,
          backwardLoss: want.loss
        ),
        flow: flow,
        startup: CellTools.startup(roundTrip: roundTrip),
        seconds: seconds,
        loss: Double(want.loss) / 100,
        seed: seed
      )
      return [
        CellTools.atLeast("goodput", result.goodput, want.goodput),
        CellTools.atMost("transmissions", result.transmissions, want.transmissions),
        CellTools.shown("queue p95 ms", result.queue.quantile(0.95).inMilliseconds),
      ]
    }
  }
}
