import Foundation
import Testing

/// Clients of every kind and random faults, round after round. `Scripts/soak` runs it for minutes.
@Suite(.timeLimit(.minutes(24 * 60))) struct SoakTests {
  /// How long all rounds take together: as `Scripts/soak` says, or short, for every run of the tests.
  private static let duration: Duration = {
    let minutes = ProcessInfo.processInfo.environment["HAWSER_SOAK_MINUTES"].flatMap { Double($0) }
    return minutes.map { .seconds($0 * 60) } ?? .seconds(16)
  }()

  @Test(arguments: TransportUnderTest.allCases)
  func `every byte arrives once through random faults, and memory ends where it was`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let seed = SeededNumbers.seed()
      let roundTime = max(.seconds(8), min(.seconds(30), Self.duration / 6))
      let rounds = max(2, Int((Self.duration / roundTime).rounded()))
      let soak = try Soak(in: lab, seed: seed)
      var levels: [Levels] = []
      for round in 1...rounds {
        try soak.run(for: roundTime)
        levels.append(try soak.levelsAtRest())
        print("round \(round) of \(rounds): \(soak.tally), \(soak.faults); \(levels[round - 1])")
      }
      #expect(soak.tally.failures == [], "seed \(seed)")
      #expect(soak.tally.conversations > rounds)

      // Memory at the end against the most that was held at rest in the first third of the rounds,
      // when all kinds of fault had come. 16 MiB above that is the window of one stream that was
      // not given back, or 2 KiB of each of 8,000 clients; the allocator's own ups and downs at rest
      // were 5 MiB.
      let warm = levels.prefix(max(1, rounds / 3))
      let last = try #require(levels.last)
      let serverBytes = try #require(warm.map(\.serverBytes).max())
      let providerBytes = try #require(warm.map(\.providerBytes).max())
      #expect(last.serverBytes < serverBytes + (16 << 20), "seed \(seed)")
      #expect(last.providerBytes < providerBytes + (16 << 20), "seed \(seed)")
    }
  }
}
