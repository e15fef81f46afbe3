import Testing

@testable import HawserSecureDatagram

struct `A replay window` {
  @Test func `takes each number once`() {
    var window = ReplayWindow()
    #expect(window.verdict(on: 5) == .fresh)
    window.insert(5)
    #expect(window.verdict(on: 5) == .seen)
    #expect(window.verdict(on: 4) == .fresh)
    #expect(window.verdict(on: 6) == .fresh)
    #expect(window.highest == 5)
  }

  @Test func `tells 8192 numbers below the highest apart`() {
    #expect(ReplayWindow.span >= 8192)
    var window = ReplayWindow()
    let highest: UInt64 = 1_000_000
    window.insert(highest)
    #expect(window.verdict(on: highest - ReplayWindow.span + 1) == .fresh)
    #expect(window.verdict(on: highest - ReplayWindow.span) == .tooOld)
    window.insert(highest - ReplayWindow.span + 1)
    #expect(window.verdict(on: highest - ReplayWindow.span + 1) == .seen)
  }

  @Test func `works up to the last number`() {
    var window = ReplayWindow()
    window.insert(.max - 1)
    #expect(window.verdict(on: .max) == .fresh)
    window.insert(.max)
    #expect(window.verdict(on: .max) == .seen)
    #expect(window.verdict(on: .max - 1) == .seen)
    #expect(window.verdict(on: .max - 2) == .fresh)
    #expect(window.verdict(on: 0) == .tooOld)
  }

  @Test(arguments: 0..<8)
  func `agrees with a set of all that was seen`(worker: Int) {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    var window = ReplayWindow()
    var seen: Set<UInt64> = []
    var highest: UInt64 = 0
    for _ in 0..<20_000 {
      let number: UInt64
      switch Int.random(in: 0..<10, using: &random) {
      case 0: number = highest + .random(in: 0...(3 * ReplayWindow.span), using: &random)
      case 1...4: number = highest + .random(in: 0...4, using: &random)
      default:
        number = highest - min(highest, .random(in: 0...(2 * ReplayWindow.span), using: &random))
      }
      let expected: ReplayWindow.Verdict =
        seen.contains(number) && number + ReplayWindow.span > highest
        ? .seen : number + ReplayWindow.span <= highest ? .tooOld : .fresh
      #expect(window.verdict(on: number) == expected, "seed \(seed), number \(number)")
      if expected == .fresh {
        window.insert(number)
        seen.insert(number)
        highest = max(highest, number)
      }
    }
  }
}
