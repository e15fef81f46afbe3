/// One direction of a simulated path: a bottleneck with a queue, what happens behind it, and what
/// changes when. Everything random follows from the simulation's seed.
package struct PathPlan: Sendable {
  /// Bytes per second that leave the bottleneck; ignored where there is a trace.
  package var bytesPerSecond: Double
  /// Where the bottleneck is a cell: when it sends.
  package var trace: CellularTrace?
  /// Bytes that fit the queue before the bottleneck.
  package var queueByteCount: Int
  /// From the bottleneck to the other end.
  package var delay: Duration
  /// Up to so much more, each packet by itself, so that they overtake one another.
  package var jitter = Duration.zero
  /// Packets lost behind the queue, in 10,000.
  package var loss = 0
  /// Bursts of loss behind the queue (Gilbert and Elliott, in time).
  package var bursts: LossBursts?
  /// Packets that are late, in 10,000, and by how much.
  package var reordered = 0
  package var lateness = Duration.zero
  /// Packets that come twice, in 10,000.
  package var duplicated = 0
  /// When nothing passes.
  package var blackouts: [Blackout] = []
  /// Changes, in the order of time.
  package var steps: [PathStep] = []

  /// `bytesPerSecond`: above 0.
  /// `delay`: of one direction.
  package init(bytesPerSecond: Double, delay: Duration, queueByteCount: Int) {
    self.bytesPerSecond = bytesPerSecond
    self.delay = delay
    self.queueByteCount = queueByteCount
  }

  /// A direction on which nothing queues, for acknowledgements.
  package static func wide(delay: Duration, loss: Int = 0) -> PathPlan {
    var plan = PathPlan(bytesPerSecond: 125e6, delay: delay, queueByteCount: 1 << 24)
    plan.loss = loss
    return plan
  }
}

/// Times in which most packets are lost, and times in which few are.
package struct LossBursts: Sendable {
  /// The mean time from the end of a burst to the next one.
  package var every: Duration
  /// The mean length of a burst.
  package var length: Duration
  /// Lost in a burst, in 10,000.
  package var loss: Int

  package init(every: Duration, length: Duration, loss: Int) {
    self.every = every
    self.length = length
    self.loss = loss
  }
}

/// A time in which nothing passes.
package struct Blackout: Sendable {
  package var start: Duration
  package var end: Duration

  package init(start: Duration, length: Duration) {
    self.start = start
    end = start + length
  }
}

/// A change of a path.
package struct PathStep: Sendable {
  package enum Change: Sendable {
    /// Of the bottleneck, in bytes per second.
    case rate(Double)
    /// From the bottleneck to the other end.
    case delay(Duration)
    /// In 10,000.
    case loss(Int)
  }

  package var at: Duration
  package var change: Change

  package init(at: Duration, _ change: Change) {
    self.at = at
    self.change = change
  }
}
