import Foundation
import Testing

/// What happens to the path between provider and server while a program works.
enum Weather: String, CaseIterable, CustomTestStringConvertible {
  case fair
  /// The link is reset again and again.
  case cuts

  var testDescription: String { rawValue }
}

extension RelayedTunnel {
  /// Has a program work in that weather; in cuts, one comes after each so many bytes.
  func inWeather(
    _ weather: Weather,
    cutAfterBytes range: ClosedRange<Int> = 2_000_000...8_000_000,
    work: () throws -> Void
  ) throws {
    switch weather {
    case .fair:
      try work()
    case .cuts:
      let seed = SeededNumbers.seed()
      try relay.cutting(afterBytes: range, seed: seed, while: work)
      print("\(relay.cutCount) cuts, seed \(seed)")
      #expect(relay.cutCount >= 3, "too few cuts to prove anything, seed \(seed)")
    }
  }
}
