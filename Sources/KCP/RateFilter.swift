/// The greatest rate of the last rounds: what the path carries, for a sender that has not always
/// filled it.
struct RateFilter {
  /// Chosen: longer than the rounds from one look for more to the next.
  private static let rounds = 10

  /// Bytes per second, the newest round last.
  private var maxima: [Double] = [0]
  private(set) var value = 0.0

  /// The greatest of the newest round.
  var latest: Double { maxima.last ?? 0 }

  mutating func insert(_ rate: Double) {
    if rate > latest { maxima[maxima.count - 1] = rate }
    value = max(value, rate)
  }

  /// Begins a round; what is older than ten of them is forgotten.
  mutating func beginRound() {
    // A round that measured nothing says nothing.
    guard latest > 0 else { return }
    if maxima.count == Self.rounds { maxima.removeFirst() }
    maxima.append(0)
    value = maxima.max() ?? 0
  }

  /// Forgets all but the newest rounds that measured something.
  ///
  /// `floor`: the value does not fall below it.
  mutating func keep(rounds: Int, floor: Double) {
    maxima = maxima.suffix(rounds + (latest > 0 ? 0 : 1))
    maxima[0] = max(maxima[0], floor)
    value = maxima.max() ?? 0
  }

  /// Forgets everything and begins anew.
  mutating func restart(at rate: Double) {
    maxima = [rate]
    value = rate
  }
}

/// The least of the last few round trips: what jitter does not hide.
struct RecentMinimum {
  /// Chosen: with fewer, chance looks like a queue; with more, a queue is seen late.
  private static let least = 16

  private var current: Span?
  private var inserted = 0
  /// Of the last complete group of samples.
  private(set) var value: Span?

  /// `flight`: packets under way, of an eighth of which the least is taken, if they are many.
  mutating func insert(_ sample: Span, flight: Int) {
    current = current.map { min($0, sample) } ?? sample
    inserted += 1
    guard inserted >= max(Self.least, flight / 8) else { return }
    value = current
    current = nil
    inserted = 0
  }
}
