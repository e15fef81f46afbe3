internal import HawserKCP

/// What the cells share: paths in the units of the matrix, and what is measured of a bulk flow.
enum CellTools {
  /// A path each way, the bottleneck forward.
  static func paths(
    megabits: Double,
    roundTrip: Int,
    queue: Double,
    loss: Int = 0,
    backwardLoss: Int = 0
  ) -> (forward: PathPlan, backward: PathPlan) {
    let rate = megabits * 125_000
    let delay = Duration.microseconds(roundTrip * 500)
    // At least two datagrams: a queue that cannot hold a burst of two is a policer.
    let queueByteCount = max(2522, Int(queue * rate * Double(roundTrip) / 1000))
    var forward = PathPlan(bytesPerSecond: rate, delay: delay, queueByteCount: queueByteCount)
    forward.loss = loss * 100
    return (forward, .wide(delay: delay, loss: backwardLoss * 100))
  }

  /// Startup is not measured: ten round trips and two seconds.
  static func startup(roundTrip: Int) -> Duration {
    .milliseconds(roundTrip * 10 + 2000)
  }

  /// What one bulk flow made of a path.
  struct Bulk {
    /// Goodput, as a share of what the path's rate and loss allow.
    var goodput: Double
    /// Transmissions, as a multiple of the least.
    var transmissions: Double
    /// Retransmissions that were not needed, as a share of transmissions.
    var spurious: Double
    var queue: Distribution
  }

  /// Runs one flow.
  ///
  /// `capacity`: bytes per second that the path carries on the average, if it is not its rate.
  static func runBulk(
    _ paths: (forward: PathPlan, backward: PathPlan),
    flow: FlowPlan = FlowPlan(),
    startup: Duration,
    seconds: Int,
    capacity: Double? = nil,
    loss: Double,
    seed: UInt64
  ) -> Bulk {
    let simulation = PathSimulation(
      forward: paths.forward,
      backward: paths.backward,
      flows: [flow],
      seed: seed
    )
    simulation.run(until: startup, measuringFrom: startup)
    let before = (bytes: simulation.received[0], statistics: simulation.statistics[0])
    simulation.run(until: startup + .seconds(seconds), measuringFrom: startup)
    let after = (bytes: simulation.received[0], statistics: simulation.statistics[0])
    let bytes = Double(after.bytes - before.bytes)
    let transmissions = Double(after.statistics.transmissions - before.statistics.transmissions)
    let spurious = Double(after.statistics.spuriousLosses - before.statistics.spuriousLosses)
    let limit =
      (capacity ?? paths.forward.bytesPerSecond) * (1 - loss) * simulation.flows[0].efficiency
    let segments = bytes / Double(simulation.flows[0].sender.segmentSize)
    return Bulk(
      goodput: bytes / Double(seconds) / limit,
      transmissions: transmissions / max(segments, 1) * (1 - loss),
      spurious: spurious / max(transmissions, 1),
      queue: simulation.queueDelays
    )
  }

  static func atLeast(_ name: String, _ value: Double, _ bound: Double) -> KCPMeasurement {
    KCPMeasurement(name: name, value: value, bound: .atLeast(bound))
  }

  static func atMost(_ name: String, _ value: Double, _ bound: Double) -> KCPMeasurement {
    KCPMeasurement(name: name, value: value, bound: .atMost(bound))
  }

  static func shown(_ name: String, _ value: Double) -> KCPMeasurement {
    KCPMeasurement(name: name, value: value, bound: .none)
  }
}

extension Duration {
  /// In milliseconds.
  var inMilliseconds: Double { self / .milliseconds(1) }
}
