/// The simulator's source of chance: xoshiro256** (Blackman and Vigna), seeded through SplitMix64.
///
/// Written by hand, bounded draws included, so that a seed gives the same run on every machine and
/// with every version of Swift.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  /// - Parameter seed: Any value; neighbouring seeds give unrelated numbers.
  package init(seed: UInt64) {
    var mixer = SplitMix64(state: seed)
    s0 = mixer.next()
    s1 = mixer.next()
    s2 = mixer.next()
    s3 = mixer.next()
  }

  package mutating func next() -> UInt64 {
    let result = rotate(s1 &* 5, by: 7) &* 9
    let shifted = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = rotate(s3, by: 45)
    return result
  }

  /// A number from 0 to `bound` - 1; 0 when `bound` is not positive.
  ///
  /// The bias of the multiplication is below `bound` / 2⁶⁴, which no run can notice.
  package mutating func below(_ bound: Int) -> Int {
    guard bound > 0 else { return 0 }
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number from `range`, which spans less than 2⁶³.
  package mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.upperBound - range.lowerBound + 1)
  }

  /// `true` in `permille` of 1000 cases.
  package mutating func chance(_ permille: Int) -> Bool {
    below(1000) < permille
  }

  /// A number from 1 to `limit` whose order of magnitude is uniform: small ones are as likely as
  /// large ones, and the limit itself is drawn often.
  package mutating func magnitude(upTo limit: Int) -> Int {
    guard limit > 1 else { return 1 }
    let bits = Int.bitWidth - limit.leadingZeroBitCount
    let ceiling = min(limit, 1 << integer(in: 0...bits))
    return chance(150) ? ceiling : integer(in: max(1, ceiling / 2)...ceiling)
  }

  /// A span of time from `range`, in whole nanoseconds.
  package mutating func duration(in range: ClosedRange<Duration>) -> Duration {
    let low = Int(range.lowerBound / .nanoseconds(1))
    let high = Int(range.upperBound / .nanoseconds(1))
    return .nanoseconds(integer(in: low...high))
  }

  /// One of the elements, `nil` when there are none.
  package mutating func element<Element>(of elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[below(elements.count)]
  }

  private func rotate(_ word: UInt64, by bits: UInt64) -> UInt64 {
    word << bits | word >> (64 - bits)
  }
}

/// Steele, Lea and Flood's SplitMix64: spreads one seed over the state of a larger generator.
private struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    // Both sequence arithmetic: the algorithm is defined modulo 2⁶⁴.
    state = state &+ 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
