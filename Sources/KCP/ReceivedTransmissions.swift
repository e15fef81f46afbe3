/// Which transmissions of the peer have arrived, as ranges, the newest first.
///
/// An acknowledgement has room for a few ranges: those of the newest transmissions, and those in
/// which something has arrived late. Each is told several times, and what is older is not told
/// again.
struct ReceivedTransmissions {
  private struct Range {
    var low: Int
    var high: Int
  }

  /// Something that arrived after later ones, and how often it is still to be told.
  private struct Late {
    var number: Int
    var tellings: Int
  }

  /// Chosen: reordering over half of 300 ms at 100 Mbit/s leaves some 600 holes.
  private static let rangeLimit = 1024
  /// Chosen: of two acknowledgements in a row one may be lost, of four not all.
  private static let tellings = 4
  /// Chosen: half of the ranges that an acknowledgement tells.
  private static let lateLimit = RangeAcknowledgement.rangeLimit / 2

  private var ranges: [Range] = []
  private var late: [Late] = []

  var newest: Int? { ranges.first?.high }

  /// Notes one. O(log ranges), or O(ranges) where it begins or ends one.
  mutating func insert(_ number: Int) {
    guard let first = ranges.first else {
      ranges.append(Range(low: number, high: number))
      return
    }
    if number == first.high + 1 {
      ranges[0].high = number
      return
    }
    if number > first.high {
      ranges.insert(Range(low: number, high: number), at: 0)
      if ranges.count > Self.rangeLimit { ranges.removeLast() }
      return
    }
    // Again or for the first time: the sender wants to know.
    if late.count == Self.lateLimit { late.removeFirst() }
    late.append(Late(number: number, tellings: Self.tellings))
    insertBelow(number)
  }

  private mutating func insertBelow(_ number: Int) {
    let index = indexOfRange(notAbove: number)
    if index < ranges.count, number <= ranges[index].high { return }
    // It lies between the ranges `index - 1`, above it, and `index`.
    let touchesAbove = number == ranges[index - 1].low - 1
    let touchesBelow = index < ranges.count && number == ranges[index].high + 1
    switch (touchesAbove, touchesBelow) {
    case (true, true):
      ranges[index - 1].low = ranges[index].low
      ranges.remove(at: index)
    case (true, false): ranges[index - 1].low = number
    case (false, true): ranges[index].high = number
    case (false, false):
      guard ranges.count < Self.rangeLimit else { return }
      ranges.insert(Range(low: number, high: number), at: index)
    }
  }

  /// The first range, from the newest on, that begins at or below a number.
  private func indexOfRange(notAbove number: Int) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].low <= number { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// What the next acknowledgement tells; counts as told.
  mutating func tell() -> [RangeAcknowledgement.Range] {
    var chosen = Array(ranges.prefix(RangeAcknowledgement.rangeLimit - late.count))
    for index in late.indices {
      late[index].tellings -= 1
      let number = late[index].number
      let place = indexOfRange(notAbove: number)
      // What had no place among the ranges is told by itself.
      let isKept = place < ranges.count && number <= ranges[place].high
      let range = isKept ? ranges[place] : Range(low: number, high: number)
      if !chosen.contains(where: { $0.high == range.high }) { chosen.append(range) }
    }
    if !late.isEmpty {
      late.removeAll { $0.tellings <= 0 }
      chosen.sort { $0.high > $1.high }
    }
    return Self.wire(chosen)
  }

  /// What 15 bits cannot hold has been told long ago, and is left out.
  private static func wire(_ chosen: [Range]) -> [RangeAcknowledgement.Range] {
    var told: [RangeAcknowledgement.Range] = []
    told.reserveCapacity(chosen.count)
    var above: Int?
    for range in chosen {
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
