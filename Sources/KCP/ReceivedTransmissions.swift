/// Which transmissions of the peer have arrived, as ranges, the newest first; a bounded number of
/// them, for what is older has been said many times.
struct ReceivedTransmissions {
  private struct Range {
    var low: Int
    var high: Int
  }

  private var ranges: [Range] = []

  var newest: Int? { ranges.first?.high }

  /// Notes one. O(ranges) where it is not the newest one.
  ///
  /// - Returns: Whether it follows the newest one without a gap.
  @discardableResult
  mutating func insert(_ number: Int) -> Bool {
    guard let first = ranges.first else {
      ranges.append(Range(low: number, high: number))
      return true
    }
    if number == first.high + 1 {
      ranges[0].high = number
      return true
    }
    if number > first.high {
      ranges.insert(Range(low: number, high: number), at: 0)
      // Twice what one acknowledgement tells, so that a late one still finds its place.
      if ranges.count > 2 * RangeAcknowledgement.rangeLimit { ranges.removeLast() }
      return false
    }
    insertBelow(number)
    return false
  }

  private mutating func insertBelow(_ number: Int) {
    for index in ranges.indices {
      if number >= ranges[index].low { return }
      let nextHigh = index + 1 < ranges.count ? ranges[index + 1].high : Int.min
      guard number > nextHigh else { continue }
      let touchesAbove = number == ranges[index].low - 1
      let touchesBelow = number - 1 == nextHigh
      switch (touchesAbove, touchesBelow) {
      case (true, true):
        ranges[index].low = ranges[index + 1].low
        ranges.remove(at: index + 1)
      case (true, false): ranges[index].low = number
      case (false, true): ranges[index + 1].high = number
      case (false, false):
        ranges.insert(Range(low: number, high: number), at: index + 1)
        if ranges.count > 2 * RangeAcknowledgement.rangeLimit { ranges.removeLast() }
      }
      return
    }
  }

  /// The newest ranges, at most as many as one acknowledgement carries.
  ///
  /// What 15 bits cannot hold has been told long ago, and is left out.
  func acknowledged() -> [RangeAcknowledgement.Range] {
    var told: [RangeAcknowledgement.Range] = []
    told.reserveCapacity(RangeAcknowledgement.rangeLimit)
    var above: Int?
    for range in ranges.prefix(RangeAcknowledgement.rangeLimit) {
      if let above, above - range.high > RangeAcknowledgement.lengthLimit { break }
      let length = min(range.high - range.low + 1, RangeAcknowledgement.lengthLimit)
      told.append(
        RangeAcknowledgement.Range(
          newest: UInt32(truncatingIfNeeded: range.high),
          length: UInt32(length)
        )
      )
      if length < range.high - range.low + 1 { break }
      above = range.low
    }
    return told
  }
}
