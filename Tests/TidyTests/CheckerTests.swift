import Testing

/// The tidy checkers bite, and do not bite the innocent.
@Suite struct CheckerTests {
  private func source(_ text: String, path: String = "Sources/Session/Sample.swift") -> SwiftSource
  {
    SwiftSource(path: path, text: text)
  }

  private let table = """
    # Architecture

    | module | kind | ours | others | holds |
    | --- | --- | --- | --- | --- |
    | Primitives | pure | – | NIOCore.ByteBuffer | words |
    | Session | pure | Primitives | NIOCore.ByteBuffer, DequeModule | streams |
    | Transport | shell | Primitives, Session | NIOCore, NIOPosix | sockets |

    Text below.
    """

  @Test func `the scanner tells code from comments and strings`() {
    let sample = source(
      #"""
      let a = "https://x.example/y!" // as! said in a comment
      /* try! /* nested */ fatalError() */ let b = 1
      let c = "\(value! + other("as!"))"
      let d = """
        fatalError() \(inner!)
        """
      """#
    )
    #expect(!sample.code[0].contains("as!"))
    #expect(sample.comments[0].contains("as! said"))
    #expect(sample.code[1].contains("let b = 1") && !sample.code[1].contains("try!"))
    #expect(sample.code[2].contains("value!") && !sample.code[2].contains("as!"))
    #expect(sample.code[4].contains("inner!") && !sample.code[4].contains("fatalError"))
    #expect(sample.code.count == 6)
  }

  @Test func `imports are read with their access, attributes and scope`() {
    let sample = source(
      """
      import Foundation
      package import struct NIOCore.ByteBuffer
      @testable import HawserSession
      // import Dispatch
      let important = 1
      """
    )
    #expect(sample.imports.map(\.module) == ["Foundation", "NIOCore", "HawserSession"])
    #expect(sample.imports.map(\.symbol) == [nil, "ByteBuffer", nil])
  }

  @Test func `an import that the table does not allow is found`() throws {
    let modules = try ModuleTable(markdown: table).modules
    let session = try #require(modules["Session"])
    let transport = try #require(modules["Transport"])
    let good = source("import HawserPrimitives\npackage import struct NIOCore.ByteBuffer")
    #expect(importFindings(in: good, as: session).isEmpty)
    #expect(importFindings(in: source("import NIOCore"), as: session).count == 1)
    #expect(importFindings(in: source("import struct NIOCore.Channel"), as: session).count == 1)
    #expect(importFindings(in: source("import HawserTransport"), as: session).count == 1)
    #expect(importFindings(in: source("import NIOPosix"), as: transport).isEmpty)
  }

  @Test func `a table that cannot be understood is refused`() {
    #expect(throws: TidyFailure.self) { try ModuleTable(markdown: "no table") }
    #expect(throws: TidyFailure.self) {
      try ModuleTable(markdown: "| module | holds |\n| --- | --- |\n| A | b |")
    }
    let odd = table.replacing("| Session | pure |", with: "| Session | tidy |")
    #expect(throws: TidyFailure.self) { try ModuleTable(markdown: odd) }
    let twice = table.replacing("| Transport |", with: "| Session |")
    #expect(throws: TidyFailure.self) { try ModuleTable(markdown: twice) }
  }

  @Test(
    arguments: [
      "let clock = ContinuousClock()", "let now = Date()", "let now = NIODeadline.now()",
      "Task { work() }", "func go() async {}", "let lock = NIOLock()", "let m = Mutex(0)",
      "let t = DispatchTime.now()", "let x = Int.random(in: 0..<9)", "print(\"x\")",
      "let loop: any EventLoop", "var g = SystemRandomNumberGenerator()",
    ]
  )
  func `impurity is found`(text: String) {
    #expect(purityFindings(in: source(text)).count == 1)
  }

  @Test(
    arguments: [
      "let x = Int.random(in: 0..<9, using: &generator)", "// at the Date() of writing",
      "struct Instant {}", "let task = 1", "blueprint(of: x)",
      "func deadlineReached(at now: Instant)",
    ]
  )
  func `purity passes`(text: String) {
    #expect(purityFindings(in: source(text)).isEmpty)
  }

  @Test(
    arguments: [
      "let a = try! f()", "let b = c as! Int", "let d = e!", "g(h!.i)", "var j: Int!", "k[0]!",
      "fatalError()", "l()!", "preconditionFailure()", "m.unsafelyUnwrapped", "n?.o!",
    ]
  )
  func `a trap is found`(text: String) {
    #expect(trapFindings(in: source(text)).count == 1)
  }

  @Test(
    arguments: [
      "if a != b {}", "let c = !d", "a!=b", "// stop!", "let s = \"stop!\"", "guard !x else {}",
      "precondition(a > b)", "try? f()", "session.abort(stream)",
    ]
  )
  func `what only looks like a trap passes`(text: String) {
    #expect(trapFindings(in: source(text)).isEmpty)
  }

  @Test func `what the compiler does not check is found`() {
    #expect(uncheckedFindings(in: source("final class A: @unchecked Sendable {}")).count == 1)
    #expect(uncheckedFindings(in: source("nonisolated(unsafe) var a = 1")).count == 1)
    #expect(uncheckedFindings(in: source("final class A: Sendable {}")).isEmpty)
    #expect(unsafeFindings(in: source("let p: UnsafeRawPointer")).count == 1)
    #expect(unsafeFindings(in: source("b.withUnsafeReadableBytes { _ in }")).count == 1)
    #expect(unsafeFindings(in: source("let p: OpaquePointer?")).count == 1)
    #expect(unsafeFindings(in: source("b.readableBytesView")).isEmpty)
  }

  @Test func `long files, wide lines and unfinished work are found`() {
    let long = source(String(repeating: "a\n", count: 601))
    #expect(lengthFindings(in: long).count == 1)
    #expect(lengthFindings(in: source(String(repeating: "a\n", count: 600))).isEmpty)
    #expect(widthFindings(in: source(String(repeating: "a", count: 101))).count == 1)
    #expect(widthFindings(in: source(String(repeating: "a", count: 100))).isEmpty)
    #expect(unfinishedFindings(in: source("a() // TODO: later")).count == 1)
    #expect(unfinishedFindings(in: source("/// Zero for now.")).count == 1)
    #expect(unfinishedFindings(in: source("let method = 1 // what is done today")).isEmpty)
  }

  @Test func `sleep is found`() {
    #expect(sleepFindings(in: source("try await Task.sleep(for: .seconds(1))")).count == 1)
    #expect(sleepFindings(in: source("usleep(1)")).count == 1)
    #expect(sleepFindings(in: source("  sleep(1)")).count == 1)
    #expect(sleepFindings(in: source("// sleep(1) would be wrong")).isEmpty)
    #expect(sleepFindings(in: source("virtual.sleep(.seconds(1))")).isEmpty)
  }

  @Test func `an exception excuses its own line only, needs a reason and must be needed`() throws {
    let list = try AllowList(
      text: """
        # heading
        trap | Sources/Session/Sample.swift | a! | a reason of four words
        unsafe | Sources/Session/Sample.swift | zzz | nothing there needs this
        """
    )
    let sample = source("a!\nb!")
    let (faults, unused) = list.apply(to: trapFindings(in: sample))
    #expect(faults.map(\.line) == [2])
    #expect(unused.map(\.rule) == [.unsafe])
    #expect(throws: TidyFailure.self) { try AllowList(text: "trap | a.swift | b! | because") }
    #expect(throws: TidyFailure.self) {
      try AllowList(text: "tarp | a.swift | b! | it is what it is")
    }
  }

  @Test func `a link that leads nowhere is found`() {
    let page = MarkdownPage(
      path: "docs/A.md",
      text: """
        # Some Heading, here
        [good](B.md) [up](../README.md#top) [own](#some-heading-here) [web](https://a.example/)
        [bad](C.md) [no heading](B.md#nothing) `[code](D.md)`
        ```
        [in a block](E.md)
        ```
        """
    )
    let broken = brokenLinks(
      in: page,
      holds: ["docs/A.md", "docs/B.md", "README.md"].contains,
      anchors: {
        switch $0 {
        case "docs/A.md": page.anchors
        case "README.md": ["top"]
        default: []
        }
      }
    )
    #expect(broken == ["docs/A.md:3: no C.md", "docs/A.md:3: no heading for B.md#nothing"])
  }

  @Test func `a command that does not exist is found`() {
    let page = MarkdownPage(
      path: "README.md",
      text: """
        ```sh
        # a comment
        ./Scripts/demo
        ./Scripts/nothing
        HAWSER_JOIN=x hawser provider \\
          --transport tcp 9000
        hawser juggle
        ```
        ```console
        $ frobnicate now
        output, which is not a command
        ```
        ```swift
        let nothing = 1
        ```
        """
    )
    let unknown = unknownCommands(
      in: page,
      subcommands: ["server", "provider"],
      isExecutable: { $0 == "Scripts/demo" }
    )
    #expect(
      unknown == [
        "README.md:4: no such command: ./Scripts/nothing",
        "README.md:7: no such command: hawser juggle",
        "README.md:10: no such command: frobnicate now",
      ]
    )
  }
}
