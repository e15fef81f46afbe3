/// A place that breaks a rule.
struct Finding: Equatable, CustomStringConvertible {
  let rule: Rule
  /// Relative to the top folder.
  let path: String
  /// Counted from 1.
  let line: Int
  /// What was found there.
  let text: String

  var description: String { "\(path):\(line): \(rule.rawValue): \(text)" }
}

/// The rules, by the names that the allow-list uses.
enum Rule: String, CaseIterable {
  case imports
  case purity
  case trap
  case unchecked
  case unsafe
  case length
  case width
  case unfinished
  case sleep
}

/// Exceptions, each with a reason.
///
/// A line reads `rule | path | text that the line of code holds | reason`. An entry that excuses
/// nothing is itself a fault, so the list cannot rot.
struct AllowList {
  /// One exception.
  struct Entry: Equatable {
    let rule: Rule
    let path: String
    let text: String
    let reason: String
  }

  let entries: [Entry]

  /// Reads the list; lines that are empty or begin with `#` are skipped.
  init(text: String) throws {
    entries = try text.split(separator: "\n").compactMap { line in
      guard !line.isEmpty, !line.hasPrefix("#") else { return nil }
      let fields = line.split(separator: "|", maxSplits: 3).map {
        $0.trimming { $0 == " " }
      }
      guard fields.count == 4, let rule = Rule(rawValue: fields[0]), !fields[2].isEmpty else {
        throw TidyFailure("not an entry of the allow-list: \(line)")
      }
      guard fields[3].split(separator: " ").count >= 4 else {
        throw TidyFailure("an exception needs a reason: \(line)")
      }
      return Entry(rule: rule, path: fields[1], text: fields[2], reason: fields[3])
    }
  }

  /// What remains of the findings, and which entries excused nothing.
  func apply(to findings: [Finding]) -> (faults: [Finding], unused: [Entry]) {
    var used: [Entry] = []
    let faults = findings.filter { finding in
      let excuses = entries.filter {
        $0.rule == finding.rule && $0.path == finding.path && finding.text.contains($0.text)
      }
      used += excuses
      return excuses.isEmpty
    }
    return (faults, entries.filter { !used.contains($0) })
  }
}

extension StringProtocol {
  /// Without the characters at both ends that meet a condition.
  func trimming(while condition: (Character) -> Bool) -> String {
    String(drop(while: condition).reversed().drop(while: condition).reversed())
  }
}
