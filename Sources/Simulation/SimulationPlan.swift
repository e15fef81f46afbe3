package import HawserSession

/// The weather and the habits of one run, drawn from its seed.
package struct SimulationPlan: Sendable {
  /// How a run ends once its steps are done.
  package enum Ending: Sendable, Hashable {
    /// The network heals, all readers read, every stream ends, then a graceful close.
    case drain
    /// One side closes amid its streams.
    case close
    /// The network stays away for longer than the grace period.
    case graceExpiry
  }

  /// In which order links deliver.
  package enum Order: Sendable, Hashable {
    case kept
    case anyOrder
    /// Each link draws its own.
    case either
  }

  package var order: Order
  /// One way, for every record by itself.
  package var delay: ClosedRange<Duration>
  /// From a record's arrival to the departure of its delivery report.
  package var reportDelay: ClosedRange<Duration>
  /// Records of 1000 that arrive twice.
  package var duplicates: Int
  /// Records that a link has unreported at most.
  package var window: Int
  /// Time that a link takes for one record.
  package var pace: Duration
  /// The sizes that links offer, in bytes.
  package var recordSizes: ClosedRange<Int>
  /// Virtual time between two operations.
  package var gap: ClosedRange<Duration>
  /// The most bytes that one write asks for.
  package var write: Int
  /// The longest outage; it may exceed the grace period.
  package var outage: Duration
  package var grace: Duration
  package var limits: SessionLimits
  /// What each party is told of the other's grants at first: less than it will get makes the
  /// session's credit scarce, which it otherwise hardly ever is.
  package var grants: InitialGrants
  /// Credit growth that all sessions of one process share, in bytes.
  package var budget: Int
  /// Operations of 1000 that disturb the network.
  package var disturbances: Int
  package var ending: Ending

  /// Draws a plan.
  package init(using generator: inout SeededGenerator) {
    order = [.kept, .anyOrder, .either][generator.below(3)]
    let slowest = [2, 20, 150][generator.below(3)]
    delay = .milliseconds(1)...(.milliseconds(slowest))
    reportDelay = .zero...(.milliseconds([1, 20][generator.below(2)]))
    duplicates = [0, 20, 300][generator.below(3)]
    window = [2, 8, 64][generator.below(3)]
    pace = .microseconds([0, 100, 2000][generator.below(3)])
    let smallest = ProtocolLimits.minimumRecordSize
    recordSizes = smallest...([smallest, 1400, 16_000][generator.below(3)])
    gap = .zero...(.milliseconds([5, 50, 300][generator.below(3)]))
    write = [2_000, 2_000, 30_000, 30_000, 30_000, 150_000, 150_000, 400_000][generator.below(8)]
    disturbances = [20, 60, 200][generator.below(3)]
    budget = [0, 256 << 10, 64 << 20][generator.below(3)]
    limits = SessionLimits()
    let isSmall = generator.chance(700)
    if isSmall {
      limits.concurrentStreams = [1, 2, 4, 12][generator.below(4)]
      limits.growthBytes = [0, 64 << 10, 192 << 10, 512 << 10][generator.below(4)]
      limits.stalledReaderPatience = generator.chance(500) ? .milliseconds(300) : .seconds(10)
      limits.retainedBytes = 128 << (10 + generator.below(3))
    }
    grants = limits.initialGrants
    if isSmall, generator.chance(400) {
      // More is granted when a quarter of the window has been read: with less there is no way on.
      grants.sessionBytes = grants.sessionBytes / 4 + 1000
    }
    grace = .seconds(90)
    outage = .seconds(20)
    ending = generator.chance(200) ? .close : .drain
    if generator.chance(150) {
      grace = .seconds(generator.integer(in: 2...10))
      ending = .graceExpiry
      if generator.chance(300) { outage = grace * 2 }
    }
  }
}
