/// When a cell may send a packet: opportunities of 1500 bytes, repeated when they have run out.
package struct CellularTrace: Sendable {
  /// Bytes that leave at each opportunity.
  package static let opportunityByteCount = 1500

  /// Milliseconds from the start, rising; several may share one.
  package let milliseconds: [Int]
  /// After which they begin anew.
  package let period: Int

  /// - Parameter milliseconds: Rising, not empty, the last one above 0.
  package init(milliseconds: [Int]) {
    self.milliseconds = milliseconds
    period = max(1, milliseconds.last ?? 1)
  }

  /// A cell whose rate wanders as that of a moving phone does, from a tenth to three times its
  /// mean, with fades of up to half a second.
  ///
  /// `meanRate`: in bytes per second.
  /// `seconds`: the length of the trace.
  package init(seed: UInt64, meanRate: Double, seconds: Int) {
    var generator = SeededGenerator(seed: seed)
    var opportunities: [Int] = []
    var logarithm = 0.0
    var fadeEnd = 0
    var credit = 0.0
    for millisecond in 0..<(seconds * 1000) {
      if millisecond % 20 == 0 {
        // A walk that returns to the mean, steps of about an eighth.
        let step = Double(generator.below(2001) - 1000) / 1000
        logarithm = max(-2.3, min(1.1, logarithm * 0.99 + step * 0.22))
      }
      if generator.below(6000) == 0 { fadeEnd = millisecond + generator.integer(in: 50...500) }
      guard millisecond >= fadeEnd else { continue }
      credit += meanRate * Self.exponential(logarithm) / 1000
      // Cells send in bursts, not byte by byte.
      guard millisecond % 5 == 0 else { continue }
      while credit >= Double(Self.opportunityByteCount) {
        credit -= Double(Self.opportunityByteCount)
        opportunities.append(millisecond)
      }
    }
    self.init(milliseconds: opportunities + [seconds * 1000])
  }

  /// Bytes per second, over the first so many milliseconds.
  package func meanRate(until end: Int) -> Double {
    let whole = end / period * milliseconds.count
    let rest = milliseconds.prefix { $0 < end % period }.count
    return Double((whole + rest) * Self.opportunityByteCount) / (Double(end) / 1000)
  }

  /// e to the power of `x`, by its series, so that a seed gives the same trace on every machine.
  private static func exponential(_ x: Double) -> Double {
    var sum = 1.0
    var term = 1.0
    for index in 1...20 {
      term *= x / Double(index)
      sum += term
    }
    return sum
  }
}
