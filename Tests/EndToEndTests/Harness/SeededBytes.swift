import Foundation

/// Numbers that a seed determines (SplitMix64), so that a failure can be repeated.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A fresh seed, or the one in `HAWSER_TEST_SEED`; printed, since a failure needs it.
  static func seed(for test: String = #function) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["HAWSER_TEST_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: 0..<1_000_000)
    print("seed \(seed) for \(test); again with: HAWSER_TEST_SEED=\(seed) Scripts/test")
    return seed
  }
}

/// Random bytes that a seed determines.
struct SeededBytes {
  let seed: UInt64

  /// The first of them.
  func prefix(_ count: Int) -> [UInt8] {
    var numbers = SeededNumbers(seed: seed)
    let words = (0..<(count + 7) / 8).map { _ in numbers.next() }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
  }
}
