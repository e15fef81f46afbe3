internal import Foundation
internal import Yams

/// The keys and values of a YAML or JSON file, with the line of each.
///
/// One parser reads both, JSON being YAML in its flow style. swift-configuration's own file
/// providers are not used because they tell neither which keys a file holds nor on which line.
package struct ConfigurationFile: Sendable, Equatable {
  /// The largest file that is read, in bytes: chosen, a hundred times what a large one needs.
  package static let maximumSize = 1 << 20

  /// What a key holds. Numbers and booleans are kept as they are written.
  package enum Value: Sendable, Equatable {
    case scalar(String)
    case list([String])
    /// A nested mapping, a list of lists or nothing at all, which no key takes.
    case other
  }

  /// One key with its value.
  package struct Entry: Sendable, Equatable {
    package var key: String
    package var value: Value
    /// The line of the key, from 1.
    package var line: Int
  }

  /// The path, as messages name it.
  package let path: String
  /// In the order of the file; keys are unique.
  package let entries: [Entry]

  /// Reads the file at `path`.
  package init(path: String) throws(ConfigurationError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    guard data.count <= Self.maximumSize else {
      throw .unreadable(path: path, reason: "it is larger than \(Self.maximumSize) bytes")
    }
    try self.init(text: String(decoding: data, as: UTF8.self), path: path)
  }

  /// Parses `text`, YAML or JSON; an empty one has no keys.
  package init(text: String, path: String) throws(ConfigurationError) {
    self.path = path
    let root: Node?
    do {
      root = try Parser(yaml: text).singleRoot()
    } catch {
      throw Self.malformed(error, path: path)
    }
    guard let root, !Self.isNull(root) else {
      entries = []
      return
    }
    guard let mapping = root.mapping else {
      throw .malformed(path: path, line: 1, reason: "expected `key: value` lines or a JSON object")
    }
    var entries: [Entry] = []
    for (key, value) in mapping {
      let line = key.mark?.line ?? 1
      guard let name = key.scalar?.string else {
        throw .malformed(path: path, line: line, reason: "a key must be a word")
      }
      entries.append(Entry(key: name, value: Self.value(of: value), line: line))
    }
    self.entries = entries
  }

  private static func value(of node: Node) -> Value {
    if isNull(node) { return .other }
    if let scalar = node.scalar { return .scalar(scalar.string) }
    guard let sequence = node.sequence else { return .other }
    let scalars = sequence.compactMap { isNull($0) ? nil : $0.scalar?.string }
    return scalars.count == sequence.count ? .list(scalars) : .other
  }

  private static func isNull(_ node: Node) -> Bool {
    node.null != nil
  }

  private static func malformed(_ error: any Error, path: String) -> ConfigurationError {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      .malformed(path: path, line: mark.line, reason: "this is not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      .malformed(
        path: path,
        line: context.mark.line,
        reason: "given twice: \(duplicates.joined(separator: ", "))"
      )
    case .reader(let problem, _, _, _):
      .malformed(path: path, line: 1, reason: "this is not text: \(problem)")
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded, nil, .some:
      .malformed(path: path, line: 1, reason: "this is neither YAML nor JSON")
    }
  }
}
