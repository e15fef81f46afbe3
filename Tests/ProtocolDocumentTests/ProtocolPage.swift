import Foundation
import NIOCore
import Testing

/// `docs/PROTOCOL.md`: the golden bytes and the tables of codes in it.
struct ProtocolPage {
  /// The bytes of each block marked `golden`, by its name.
  let golden: [String: [UInt8]]
  /// The lines of the block of control messages.
  let controlMessages: [String]
  /// The cells of each table's rows, by the heading that the table stands under.
  private let tables: [String: [[String]]]

  /// Reads the page of the working copy that holds this very file.
  static func read() throws -> ProtocolPage {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try ProtocolPage(
      text: String(contentsOf: root.appending(path: "docs/PROTOCOL.md"), encoding: .utf8)
    )
  }

  init(text: String) throws {
    var golden: [String: [UInt8]] = [:]
    var controlMessages: [String] = []
    var tables: [String: [[String]]] = [:]
    var heading = ""
    var block: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("```") {
        block = block == nil ? String(line.dropFirst(3)) : nil
      } else if let name = block {
        if name == "json control-messages" {
          controlMessages.append(line)
        } else if name.hasPrefix("golden ") {
          golden[String(name.dropFirst("golden ".count)), default: []] += try Self.bytes(in: line)
        }
      } else if line.hasPrefix("#") {
        heading = String(line.drop { $0 == "#" || $0 == " " })
      } else if line.hasPrefix("|") {
        let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        tables[heading, default: []].append(cells)
      }
    }
    self.golden = golden
    self.controlMessages = controlMessages
    self.tables = tables
  }

  private static func bytes(in line: String) throws -> [UInt8] {
    try line.prefix { $0 != "#" }.split(separator: " ").map { digits in
      try #require(UInt8(digits, radix: 16), "‘\(digits)’ is no byte")
    }
  }

  /// The rows of the tables under a heading that begin with a number.
  func numberedRows(under heading: String) -> [(number: UInt64, cells: [String])] {
    (tables[heading] ?? []).compactMap { cells in
      guard let number = cells.first.flatMap({ UInt64($0) }) else { return nil }
      return (number, Array(cells.dropFirst()))
    }
  }

  /// The bytes of one block.
  func bytes(_ name: String) throws -> ByteBuffer {
    ByteBuffer(bytes: try #require(golden[name], "there is no block \(name)"))
  }
}
