/// What a cell of the matrix measured, and what it must reach.
package struct KCPMeasurement: Sendable {
  package enum Bound: Sendable {
    case atLeast(Double)
    case atMost(Double)
    case none
  }

  package var name: String
  package var value: Double
  package var bound: Bound

  /// Whether the value is within its bound.
  package var holds: Bool {
    switch bound {
    case .atLeast(let least): value >= least
    case .atMost(let most): value <= most
    case .none: true
    }
  }

  /// Whether this one is further from what is wanted.
  func isWorse(than other: KCPMeasurement) -> Bool {
    if case .atMost = bound { return value > other.value }
    return value < other.value
  }
}

/// One line of the matrix: a path, what runs over it, and what is measured.
package struct KCPCell: Sendable {
  /// Cells of one group share a table.
  package enum Group: String, CaseIterable, Sendable {
    case loss
    case stock
    case weather
    case cellular
    case blackout
    case steps
    case fairness
    case echo
  }

  package var group: Group
  package var name: String
  /// Runs it: from a seed, for so many seconds after startup.
  package var run: @Sendable (_ seed: UInt64, _ seconds: Int) -> [KCPMeasurement]
}

/// The results of a cell over several seeds.
package struct KCPCellResult: Sendable {
  package var cell: KCPCell
  /// Median and worst of each measurement.
  package var measurements: [(median: KCPMeasurement, worst: KCPMeasurement)]

  /// Whether the median of every measurement is within its bound.
  package var holds: Bool { measurements.allSatisfy(\.median.holds) }

  /// Runs a cell with the seeds `first`, `first + 1`, … O(seeds × seconds × rate).
  package init(_ cell: KCPCell, seeds: Int, first: UInt64 = 1, seconds: Int) {
    self.cell = cell
    let runs = (0..<max(1, seeds)).map { cell.run(first + UInt64($0), seconds) }
    measurements = runs[0].indices.map { index in
      let sorted = runs.map { $0[index] }.sorted { $1.isWorse(than: $0) }
      return (sorted[sorted.count / 2], sorted[sorted.count - 1])
    }
  }

  /// A row of a Markdown table; what misses its bound is bold.
  package var row: String {
    let columns = measurements.map { median, worst in
      let text = "\(median.name) \(Self.text(median.value)) (\(Self.text(worst.value)))"
      return median.holds ? text : "**\(text)**"
    }
    return "| \(cell.name) | \(columns.joined(separator: " | ")) |"
  }

  private static func text(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    if abs(value) >= 100 { return "\(Int(value.rounded()))" }
    let fraction = String(abs(thousandths) % 1000)
    let padded = String(repeating: "0", count: 3 - fraction.count) + fraction
    return "\(thousandths < 0 ? "-" : "")\(abs(thousandths) / 1000).\(padded)"
  }
}

/// The cells of `docs/KCP.md`, What it reaches.
package enum KCPMatrix {
  /// All cells, in the order of the page.
  package static var cells: [KCPCell] {
    LossCells.all + WeatherCells.all + CellularCells.all + ChangeCells.all + SharingCells.all
  }

  /// Lines of a Markdown table for a group; results come as they are there.
  package static func table(
    _ group: KCPCell.Group,
    where included: (KCPCell) -> Bool,
    seeds: Int,
    seconds: Int,
    output: (String) -> Void
  ) {
    output("| \(group.rawValue) | median (worst) of \(seeds) seeds, \(seconds) s |")
    output("| --- | --- |")
    for cell in cells where cell.group == group && included(cell) {
      output(KCPCellResult(cell, seeds: seeds, seconds: seconds).row)
    }
  }
}
