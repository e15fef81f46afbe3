import HawserSimulation
import Testing

/// Cells of the matrix that are quick even in a debug build: one seed each, and short. The whole of
/// it is a command (`docs/KCP.md`, What it reaches).
@Suite struct MatrixTests {
  private static let names: Set<String> = [
    "5 Mbit/s, 60 ms, queue 1.0, loss 0 %", "5 Mbit/s, 60 ms, queue 1.0, loss 5 %",
    "5 Mbit/s, 60 ms, queue 1.0, loss 10 %", "5 Mbit/s, 60 ms, queue 0.5, loss 20 %",
    "5 Mbit/s, 60 ms, queue 1.0, loss 30 %", "jitter of half of 60 ms, 5 Mbit/s",
    "blackout of 1000 ms, 60 ms", "blackout of 5000 ms, 20 ms",
    "echo of 100 bytes, loss 10 % each way, second copies", "echo beside a bulk flow, loss 0 %",
    "two flows", "5 Mbit/s, 60 ms, queue 1.0, loss 10 %, to ikcp",
  ]

  static var cells: [Int] {
    KCPMatrix.cells.indices.filter { names.contains(KCPMatrix.cells[$0].name) }
  }

  @Test func `every quick cell is one of the matrix`() {
    let found = Set(KCPMatrix.cells.map(\.name)).intersection(Self.names)
    #expect(found == Self.names)
  }

  /// Run one again by the number that the failure names.
  @Test(arguments: cells)
  func `a quick cell reaches what it must`(_ index: Int) {
    let cell = KCPMatrix.cells[index]
    let result = KCPCellResult(cell, seeds: 1, first: 1, seconds: 8)
    #expect(result.holds, "cell \(index), seed 1: \(result.row)")
  }

  @Test func `the same seed gives the same run`() throws {
    let cell = try #require(KCPMatrix.cells.first { $0.name.hasPrefix("5 Mbit/s, 20 ms") })
    let first = KCPCellResult(cell, seeds: 1, first: 7, seconds: 2).row
    let again = KCPCellResult(cell, seeds: 1, first: 7, seconds: 2).row
    let other = KCPCellResult(cell, seeds: 1, first: 8, seconds: 2).row
    #expect(first == again)
    #expect(first != other)
  }
}
