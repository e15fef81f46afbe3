/// A Swift file taken apart into code and comments, line by line.
///
/// This is a scanner, not a parser: it knows comments and string literals, which is what keeps a
/// word in a comment from being taken for code.
struct SwiftSource: Sendable {
  /// Relative to the top folder.
  let path: String
  /// As written.
  let lines: [String]
  /// With comments and the contents of string literals blanked out; interpolations are kept.
  let code: [String]
  /// With everything but the comments blanked out.
  let comments: [String]

  init(path: String, text: String) {
    self.path = path
    lines = Self.split(text)
    var scanner = Scanner(text: Array(text.utf8))
    scanner.run()
    code = Self.split(String(decoding: scanner.code, as: UTF8.self))
    comments = Self.split(String(decoding: scanner.comments, as: UTF8.self))
  }

  /// The module that the file belongs to: `Sources/<Module>/…`.
  var folder: String {
    let parts = path.split(separator: "/")
    return parts.count > 2 ? String(parts[1]) : ""
  }

  /// What the file imports.
  var imports: [Import] {
    code.enumerated().compactMap { index, line in Import(line: line, number: index + 1) }
  }

  private static func split(_ text: String) -> [String] {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}

/// One import declaration.
struct Import: Equatable {
  /// The module's name.
  let module: String
  /// The only declaration taken from it, as in `import struct NIOCore.ByteBuffer`.
  let symbol: String?
  /// Counted from 1.
  let line: Int

  /// The import that a line of code holds, if any.
  init?(line text: String, number: Int) {
    let words = text.split(separator: " ").map(String.init)
    guard let keyword = words.firstIndex(of: "import"), words.count > keyword + 1 else {
      return nil
    }
    let attributes = words[..<keyword]
    let known: Set = ["public", "package", "internal", "fileprivate", "private"]
    guard attributes.allSatisfy({ known.contains($0) || $0.hasPrefix("@") }) else { return nil }
    let kinds: Set = [
      "struct", "class", "enum", "protocol", "typealias", "func", "let", "var", "actor",
    ]
    let name = kinds.contains(words[keyword + 1]) ? words.dropFirst(keyword + 2).first : nil
    let parts = (name ?? words[keyword + 1]).split(separator: ".", maxSplits: 1).map(String.init)
    module = parts[0]
    symbol = parts.count > 1 ? parts[1] : nil
    line = number
  }
}

/// Separates code from comments, keeping every line break where it was.
private struct Scanner {
  private enum Mode {
    case code
    case lineComment
    case blockComment(depth: Int)
    case string(hashes: Int, multiline: Bool)
    /// Inside `\( … )`; returns to the string at the matching parenthesis.
    case interpolation(parentheses: Int)
  }

  private let text: [UInt8]
  private var position = 0
  private var modes: [Mode] = [.code]
  private(set) var code: [UInt8] = []
  private(set) var comments: [UInt8] = []

  init(text: [UInt8]) {
    self.text = text
    code.reserveCapacity(text.count)
    comments.reserveCapacity(text.count)
  }

  mutating func run() {
    while position < text.count {
      switch modes[modes.count - 1] {
      case .code: scanCode()
      case .interpolation(let parentheses): scanInterpolation(parentheses)
      case .lineComment:
        if text[position] == newline { modes.removeLast() }
        take(1, as: .comment)
      case .blockComment(let depth): scanBlockComment(depth)
      case .string(let hashes, let multiline): scanString(hashes, multiline)
      }
    }
  }

  private mutating func scanCode() {
    if opensComment() || opensString() { return }
    take(1, as: .code)
  }

  private mutating func scanInterpolation(_ parentheses: Int) {
    if opensComment() || opensString() { return }
    switch text[position] {
    case UInt8(ascii: "("):
      modes[modes.count - 1] = .interpolation(parentheses: parentheses + 1)
    case UInt8(ascii: ")"):
      if parentheses == 1 {
        modes.removeLast()
      } else {
        modes[modes.count - 1] = .interpolation(parentheses: parentheses - 1)
      }
    default: break
    }
    take(1, as: .code)
  }

  private mutating func scanBlockComment(_ depth: Int) {
    if follows("/*") {
      modes[modes.count - 1] = .blockComment(depth: depth + 1)
      take(2, as: .comment)
    } else if follows("*/") {
      if depth == 1 {
        modes.removeLast()
      } else {
        modes[modes.count - 1] = .blockComment(depth: depth - 1)
      }
      take(2, as: .comment)
    } else {
      take(1, as: .comment)
    }
  }

  private mutating func scanString(_ hashes: Int, _ multiline: Bool) {
    let escape = "\\" + String(repeating: "#", count: hashes)
    let end = (multiline ? "\"\"\"" : "\"") + String(repeating: "#", count: hashes)
    if follows(escape + "(") {
      take(escape.utf8.count, as: .blank)
      modes.append(.interpolation(parentheses: 0))
    } else if follows(escape) {
      take(escape.utf8.count + 1, as: .blank)
    } else if follows(end) {
      modes.removeLast()
      take(end.utf8.count, as: .code)
    } else if text[position] == newline && !multiline {
      modes.removeLast()
      take(1, as: .blank)
    } else {
      take(1, as: .blank)
    }
  }

  private mutating func opensComment() -> Bool {
    if follows("//") {
      modes.append(.lineComment)
      take(2, as: .comment)
      return true
    }
    if follows("/*") {
      modes.append(.blockComment(depth: 1))
      take(2, as: .comment)
      return true
    }
    return false
  }

  private mutating func opensString() -> Bool {
    var quote = position
    while quote < text.count, text[quote] == UInt8(ascii: "#") { quote += 1 }
    guard quote < text.count, text[quote] == UInt8(ascii: "\"") else { return false }
    let hashes = quote - position
    let multiline = text[quote...].starts(with: "\"\"\"".utf8)
    modes.append(.string(hashes: hashes, multiline: multiline))
    take(hashes + (multiline ? 3 : 1), as: .code)
    return true
  }

  private enum Kind { case code, comment, blank }

  private mutating func take(_ count: Int, as kind: Kind) {
    for _ in 0..<count where position < text.count {
      let byte = text[position]
      let blank = byte == newline ? newline : UInt8(ascii: " ")
      code.append(kind == .code ? byte : blank)
      comments.append(kind == .comment ? byte : blank)
      position += 1
    }
  }

  private func follows(_ word: String) -> Bool {
    text[position...].starts(with: word.utf8)
  }

  private let newline = UInt8(ascii: "\n")
}
