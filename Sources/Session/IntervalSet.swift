/// A set of integers kept as sorted, disjoint, non-adjacent half-open ranges.
///
/// Look-up is O(log n) and a change O(n) in the number of ranges, which its owners bound.
struct IntervalSet {
  private(set) var ranges: [Range<UInt64>] = []

  var isEmpty: Bool { ranges.isEmpty }

  func contains(_ value: UInt64) -> Bool {
    let index = firstIndex(endingAfter: value)
    return index < ranges.count && ranges[index].lowerBound <= value
  }

  /// Whether every member of `range` is in the set.
  func contains(_ range: Range<UInt64>) -> Bool {
    guard !range.isEmpty else { return true }
    let index = firstIndex(endingAfter: range.lowerBound)
    guard index < ranges.count else { return false }
    return ranges[index].lowerBound <= range.lowerBound
      && range.upperBound <= ranges[index].upperBound
  }

  mutating func insert(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    // In order is the common case: extend the last range or append.
    guard let last = ranges.last else { return ranges.append(range) }
    if range.lowerBound > last.upperBound { return ranges.append(range) }
    if range.lowerBound >= last.lowerBound {
      ranges[ranges.count - 1] =
        last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
      return
    }
    let first = firstIndex(endingAtOrAfter: range.lowerBound)
    var merged = range
    var end = first
    while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
      let lower = Swift.min(merged.lowerBound, ranges[end].lowerBound)
      merged = lower..<Swift.max(merged.upperBound, ranges[end].upperBound)
      end += 1
    }
    ranges.replaceSubrange(first..<end, with: CollectionOfOne(merged))
  }

  mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty, !ranges.isEmpty else { return }
    let first = firstIndex(endingAfter: range.lowerBound)
    var end = first
    var remainders: [Range<UInt64>] = []
    while end < ranges.count, ranges[end].lowerBound < range.upperBound {
      let old = ranges[end]
      if old.lowerBound < range.lowerBound {
        remainders.append(old.lowerBound..<range.lowerBound)
      }
      if old.upperBound > range.upperBound {
        remainders.append(range.upperBound..<old.upperBound)
      }
      end += 1
    }
    guard end > first else { return }
    ranges.replaceSubrange(first..<end, with: remainders)
  }

  /// The parts of `range` that are not in the set, ascending.
  func gaps(in range: Range<UInt64>) -> [Range<UInt64>] {
    var result: [Range<UInt64>] = []
    var lower = range.lowerBound
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < ranges.count, ranges[index].lowerBound < range.upperBound {
      if lower < ranges[index].lowerBound { result.append(lower..<ranges[index].lowerBound) }
      lower = ranges[index].upperBound
      index += 1
    }
    if lower < range.upperBound { result.append(lower..<range.upperBound) }
    return result
  }

  mutating func removeAll() {
    ranges.removeAll()
  }

  /// The index of the first range whose upper bound is greater than `value`.
  private func firstIndex(endingAfter value: UInt64) -> Int {
    partition { $0.upperBound > value }
  }

  /// The index of the first range whose upper bound is `value` or greater.
  private func firstIndex(endingAtOrAfter value: UInt64) -> Int {
    partition { $0.upperBound >= value }
  }

  private func partition(_ holds: (Range<UInt64>) -> Bool) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = low + (high - low) / 2
      if holds(ranges[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
