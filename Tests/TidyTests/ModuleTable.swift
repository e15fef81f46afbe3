/// The table of modules in docs/ARCHITECTURE.md: what each may import.
struct ModuleTable {
  /// One row.
  struct Module {
    /// Whether the module is pure: no sockets, clocks, tasks, locks.
    enum Kind: String { case pure, shell, c = "C" }

    /// As in the table, which is the name of its folder.
    let name: String
    let kind: Kind
    /// Modules of this package, by the names under which they are imported.
    let ours: Set<String>
    /// Modules from elsewhere; `NIOCore.ByteBuffer` allows that one declaration.
    let others: Set<String>
  }

  /// By name.
  let modules: [String: Module]

  /// Reads a page's first table whose heading row starts with `module`.
  init(markdown: String) throws {
    let rows = markdown.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard
      let heading = rows.firstIndex(where: { Self.cells($0)?.first == "module" }),
      let names = Self.cells(rows[heading])
    else { throw TidyFailure("the page has no table of modules") }
    guard names.prefix(4) == ["module", "kind", "ours", "others"] else {
      throw TidyFailure("the table's columns are \(names), not module, kind, ours, others, …")
    }
    var modules: [String: Module] = [:]
    for row in rows[(heading + 2)...] {
      guard let cells = Self.cells(row) else { break }
      guard cells.count >= 4, let kind = Module.Kind(rawValue: cells[1]) else {
        throw TidyFailure("not a row of the table: \(row)")
      }
      let module = Module(
        name: cells[0],
        kind: kind,
        ours: Set(Self.names(cells[2]).map(Self.target)),
        others: Self.names(cells[3])
      )
      guard modules.updateValue(module, forKey: module.name) == nil else {
        throw TidyFailure("\(module.name) is in the table twice")
      }
    }
    self.modules = modules
  }

  /// The name under which a module of the table is imported: those that wrap C keep theirs.
  static func target(_ name: String) -> String {
    name.contains(/^C[A-Z]/) ? name : "Hawser\(name)"
  }

  /// A cell's names; a dash stands for none.
  private static func names(_ cell: String) -> Set<String> {
    Set(cell.split(whereSeparator: { ", `".contains($0) }).map(String.init)).subtracting(["–", "-"])
  }

  private static func cells(_ row: String) -> [String]? {
    guard row.hasPrefix("|") else { return nil }
    return row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
      $0.trimming { $0 == " " }
    }
  }
}

/// Something these tests read is not what they can understand.
struct TidyFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
