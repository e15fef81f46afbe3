/// Lays out rows of text in columns.
enum TextTable {
  /// The lines of a table whose columns are as wide as their widest cell.
  ///
  /// - Parameters:
  ///   - titles: The first line.
  ///   - rows: Each with as many cells as there are titles.
  /// - Returns: One line for the titles and one for each row, without space at the end.
  static func lines(_ titles: [String], _ rows: [[String]]) -> [String] {
    let lines = [titles] + rows
    let widths = titles.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { cells in
      let padded = zip(cells, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      let line = padded.joined(separator: "  ")
      return String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count))
    }
  }
}
