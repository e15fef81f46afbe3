import Foundation
import HawserFuzzEntry
import Testing

/// Replays the seeds, and what fuzzing has found, in every ordinary run.
struct `The fuzz corpus` {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "FuzzCorpus")

  @Test(arguments: FuzzTarget.allCases)
  func `is dealt with`(target: FuzzTarget) throws {
    let files = try FileManager.default.contentsOfDirectory(
      at: Self.folder.appending(path: target.rawValue),
      includingPropertiesForKeys: nil
    )
    #expect(!files.isEmpty)
    for file in files.sorted(by: { $0.path() < $1.path() }) {
      let input = try Array(Data(contentsOf: file))
      #expect(target.complaint(about: input) == nil, "\(file.lastPathComponent)")
    }
  }

  @Test func `has a folder for each target and no other`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path())
    #expect(Set(names) == Set(FuzzTarget.allCases.map(\.rawValue)))
  }

  @Test(arguments: FuzzTarget.allCases)
  func `can be damaged at random`(target: FuzzTarget) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let files = try FileManager.default.contentsOfDirectory(
      at: Self.folder.appending(path: target.rawValue),
      includingPropertiesForKeys: nil
    )
    let seeds = try files.sorted { $0.path() < $1.path() }.map { try Array(Data(contentsOf: $0)) }
    for _ in 0..<300 {
      guard var input = seeds.randomElement(using: &random) else { return }
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        guard let index = input.indices.randomElement(using: &random) else { break }
        switch Int.random(in: 0..<3, using: &random) {
        case 0: input[index] = .random(in: .min ... .max, using: &random)
        case 1: input.remove(at: index)
        default: input.insert(.random(in: .min ... .max, using: &random), at: index)
        }
      }
      #expect(target.complaint(about: input) == nil, "seed \(seed), input \(input)")
    }
  }
}

/// Sebastiano Vigna's generator: the same numbers for the same seed, everywhere.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}
