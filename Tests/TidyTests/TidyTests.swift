import Foundation
import Testing

/// The repository keeps its own rules.
@Suite struct TidyTests {
  let repository = Repository.current

  @Test func `imports are those of the table in ARCHITECTURE.md`() throws {
    let table = try ModuleTable(markdown: repository.text(of: "docs/ARCHITECTURE.md"))
    let sources = try repository.sources(below: "Sources")
    let findings = sources.flatMap { source in
      table.modules[source.folder].map { importFindings(in: source, as: $0) } ?? []
    }
    try expectNone(findings, rules: [.imports])
    for module in table.modules.values where module.kind != .c {
      let used = sources.filter { $0.folder == module.name }.flatMap(\.imports).map(\.module)
      let idle = module.ours.subtracting(used)
      #expect(idle.isEmpty, "\(module.name) may import what it does not use")
    }
    let folders = Set(sources.map(\.folder))
    let unlisted = folders.subtracting(table.modules.keys)
    #expect(unlisted.isEmpty, "not in the table")
    let gone = table.modules.keys.filter { !repository.holds("Sources/\($0)") }
    #expect(gone.isEmpty, "in the table, but not in Sources")
  }

  @Test func `the table's arrows are those of Package.swift and point down`() throws {
    let table = try ModuleTable(markdown: repository.text(of: "docs/ARCHITECTURE.md"))
    let manifest = try PackageManifest.read(from: repository)
    let ours = manifest.targets.filter { $0.folder.hasPrefix("Sources/") }
    for target in ours {
      let folder = try #require(target.folder.split(separator: "/").last.map(String.init))
      let module = try #require(table.modules[folder], "\(folder) is not in the table")
      #expect(target.ours == module.ours, "of \(folder)")
    }
    #expect(ours.count == table.modules.count)
    for module in table.modules.values where module.kind == .pure {
      let shell = table.modules.values.filter {
        $0.kind == .shell && module.ours.contains(ModuleTable.target($0.name))
      }
      #expect(
        shell.map(\.name).isEmpty,
        "\(module.name) is pure and stands on a module that is not"
      )
    }
  }

  @Test func `every target takes warnings for errors`() throws {
    let manifest = try PackageManifest.read(from: repository)
    let lenient = manifest.targets.filter { target in
      let isSwift = !repository.files(below: target.folder, endingIn: ".swift").isEmpty
      return isSwift && target.type != "system" && !target.warningsAreErrors
    }
    #expect(lenient.map(\.name).isEmpty)
  }

  @Test func `pure modules have no sockets, clocks, tasks, locks or randomness`() throws {
    let table = try ModuleTable(markdown: repository.text(of: "docs/ARCHITECTURE.md"))
    let pure = try repository.sources(below: "Sources").filter {
      table.modules[$0.folder]?.kind == .pure
    }
    try expectNone(pure.flatMap(purityFindings), rules: [.purity])
  }

  @Test func `nothing in Sources forces, traps or goes unchecked without a reason`() throws {
    let sources = try repository.sources(below: "Sources")
    try expectNone(
      sources.flatMap { trapFindings(in: $0) + uncheckedFindings(in: $0) },
      rules: [.trap, .unchecked]
    )
  }

  @Test func `unsafe pointers stay in the modules that wrap C`() throws {
    let outside = try repository.sources(below: "Sources").filter {
      !["TLS", "Cryptography"].contains($0.folder)
    }
    try expectNone(outside.flatMap(unsafeFindings), rules: [.unsafe])
  }

  @Test func `files are short, lines are narrow, nothing is put off`() throws {
    let everything = try repository.sources(below: "Sources") + repository.sources(below: "Tests")
    let finished = everything.filter { !$0.path.hasPrefix("Tests/TidyTests/") }
    try expectNone(
      everything.flatMap { lengthFindings(in: $0) + widthFindings(in: $0) }
        + finished.flatMap(unfinishedFindings),
      rules: [.length, .width, .unfinished]
    )
  }

  @Test func `tests do not sleep`() throws {
    let tests = try repository.sources(below: "Tests").filter {
      !$0.path.hasPrefix("Tests/TidyTests/")
    }
    try expectNone(tests.flatMap(sleepFindings), rules: [.sleep])
  }

  @Test func `links between pages lead somewhere`() throws {
    var pages: [String: MarkdownPage] = [:]
    for path in repository.files(endingIn: ".md") {
      pages[path] = MarkdownPage(path: path, text: try repository.text(of: path))
    }
    let broken = pages.values.flatMap { page in
      brokenLinks(in: page, holds: repository.holds, anchors: { pages[$0]?.anchors })
    }
    #expect(broken.isEmpty)
  }

  @Test func `commands in the pages exist`() throws {
    let names = try repository.sources(below: "Sources/CommandLine").flatMap(subcommandNames)
    let subcommands = Set(names).union(["help"])
    let unknown = try repository.files(endingIn: ".md").flatMap { path in
      unknownCommands(
        in: MarkdownPage(path: path, text: try repository.text(of: path)),
        subcommands: subcommands,
        isExecutable: repository.holdsExecutable
      )
    }
    #expect(unknown.isEmpty)
  }

  /// Fails for each finding that the allow-list does not excuse, and for each entry of it under the
  /// given rules that excuses nothing.
  private func expectNone(_ findings: [Finding], rules: Set<Rule>) throws {
    let list = try AllowList(text: repository.text(of: "Tests/TidyAllowList.txt"))
    let (faults, unused) = list.apply(to: findings)
    let text = faults.map(\.description).joined(separator: "\n")
    #expect(faults.isEmpty, "\(text)")
    let stale = unused.filter { rules.contains($0.rule) }
    #expect(stale.isEmpty, "entries of TidyAllowList.txt that excuse nothing")
  }
}
