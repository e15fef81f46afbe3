import Foundation
import Testing

/// What the pages tell people to type is what the program understands.
@Suite struct ExampleTests {
  private let repository = Repository.current

  @Test func `every flag of an example is one of its subcommand's`() throws {
    var help: [String: String] = [:]
    var unknown: [String] = []
    for (path, command) in try examples() {
      let words = command.text.split(separator: " ").map(String.init)
      let start = try #require(words.firstIndex { $0.hasSuffix("hawser") })
      let name = words[(start + 1)...].prefix { !$0.hasPrefix("-") }.prefix(
        nameLength(words, start)
      )
      let key = name.joined(separator: " ")
      if help[key] == nil { help[key] = try hawser(Array(name) + ["--help"]).output }
      for flag in words where flag.hasPrefix("--") {
        let bare = String(flag.prefix { $0 != "=" })
        if help[key]?.contains(bare) != true {
          unknown.append("\(path):\(command.line): \(bare) is no flag of hawser \(key)")
        }
      }
    }
    #expect(unknown.isEmpty)
    #expect(!help.isEmpty, "the pages show no example at all")
  }

  @Test func `every configuration in the pages is accepted`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "examples-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var count = 0
    for path in repository.files(endingIn: ".md") {
      let page = MarkdownPage(path: path, text: try repository.text(of: path))
      // Output is shown in other languages: what is fenced as YAML is a configuration.
      for block in page.blocks where block.language == "yaml" {
        count += 1
        let file = folder.appending(path: "\(count).yaml")
        let text = block.lines.joined(separator: "\n") + "\n"
        try text.write(to: file, atomically: true, encoding: .utf8)
        let checked = try hawser(["config", "check", file.path(percentEncoded: false)])
        #expect(checked.status == 0, "\(path):\(block.line): \(checked.errors)")
      }
    }
    #expect(count > 0, "the pages show no configuration at all")
  }

  /// All examples that run `hawser`.
  private func examples() throws -> [(String, (text: String, line: Int))] {
    try repository.files(endingIn: ".md").flatMap { path in
      MarkdownPage(path: path, text: try repository.text(of: path)).commands
        .filter { $0.text.contains(/(^|[\s\/])hawser\s/) }
        .map { (path, $0) }
    }
  }

  /// How many words the subcommand's name has: `token create`, but `server`.
  private func nameLength(_ words: [String], _ start: Int) -> Int {
    ["token", "config"].contains(words.dropFirst(start + 1).first) ? 2 : 1
  }

  /// Runs the program that was built together with these tests.
  private func hawser(
    _ arguments: [String]
  ) throws -> (status: Int32?, output: String, errors: String) {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let program = tests.deletingLastPathComponent().appending(path: "hawser")
    return try run(program.path(percentEncoded: false), arguments)
  }
}
