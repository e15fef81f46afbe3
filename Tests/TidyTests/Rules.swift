/// What a file of Sources may import: what the table says, and from modules of which it may use
/// only one declaration, only that.
func importFindings(in source: SwiftSource, as module: ModuleTable.Module) -> [Finding] {
  source.imports.compactMap { item in
    let allowed =
      module.ours.contains(item.module) || module.others.contains(item.module)
      || item.symbol.map { module.others.contains("\(item.module).\($0)") } == true
    guard !allowed else { return nil }
    return source.finding(
      .imports,
      at: item.line,
      "\(module.name) may not import \(item.module)\(item.symbol.map { ".\($0)" } ?? "")"
    )
  }
}

/// Sockets, clocks, tasks, locks and randomness of their own have no place in a pure module.
func purityFindings(in source: SwiftSource) -> [Finding] {
  let forbidden: [(pattern: Regex<Substring>, what: String)] = [
    (
      /\b(?:NIOPosix|NIOConcurrencyHelpers|Dispatch|FoundationNetworking|Synchronization)\b/,
      "module"
    ),
    (/\b(?:ContinuousClock|SuspendingClock|NIODeadline|DispatchTime|DispatchQueue)\b/, "clock"),
    (/\bDate\(\)|\bDate\.now\b|\bclock_gettime\b|\bgettimeofday\b|\.now\(\)/, "clock"),
    (/\bTask\s*[{(.<]|\bTask\.detached\b|\basync\b|\bawait\b|\bactor\s+[A-Z]/, "task"),
    (/\b(?:NIOLock|NIOLockedValueBox|NSLock|Mutex|Atomic|pthread_mutex_t)\b/, "lock"),
    (/\b(?:EventLoop|EventLoopFuture|EventLoopPromise|Channel|ChannelHandler)\b/, "event loop"),
    (/\b(?:AsyncStream|CheckedContinuation|UnsafeContinuation)\b/, "continuation"),
    (/\bSystemRandomNumberGenerator\b|\.random\(in: [^,)]*\)/, "randomness of its own"),
    (/\b(?:print|debugPrint|readLine)\(/, "input or output"),
  ]
  return source.findings(.purity, where: forbidden)
}

/// Nothing in Sources stops the process: input from the network cannot crash it.
func trapFindings(in source: SwiftSource) -> [Finding] {
  source.findings(
    .trap,
    where: [
      (/\btry!|\bas!/, "forced"),
      (/[A-Za-z0-9_)\]}">]!(?![=])/, "forced unwrapping"),
      (/\bfatalError\b|\bpreconditionFailure\b|\bunsafelyUnwrapped\b/, "stops"),
    ]
  )
}

/// What the compiler no longer checks about concurrency needs a reason.
func uncheckedFindings(in source: SwiftSource) -> [Finding] {
  source.findings(
    .unchecked,
    where: [
      (/@unchecked\b|\bnonisolated\(unsafe\)|@preconcurrency\b/, "unchecked")
    ]
  )
}

/// Unsafe pointers belong in the modules that wrap C.
func unsafeFindings(in source: SwiftSource) -> [Finding] {
  source.findings(
    .unsafe,
    where: [
      (/\bUnsafe(?:Mutable)?(?:Raw)?(?:Buffer)?Pointer\b|\bOpaquePointer\b/, "unsafe pointer"),
      (
        /\b(?:withUnsafe|writeWithUnsafe|readWithUnsafe)\w*|\bUnmanaged\b|\bunsafeBitCast\b/,
        "unsafe"
      ),
    ]
  )
}

/// A file that nobody can read in one sitting; the limit is in lines.
func lengthFindings(in source: SwiftSource, limit: Int = 600) -> [Finding] {
  guard source.lines.count > limit else { return [] }
  return [source.finding(.length, at: limit + 1, "\(source.lines.count) lines, limit \(limit)")]
}

/// Lines wider than the formatter would leave them, comments included; the limit is in columns.
func widthFindings(in source: SwiftSource, limit: Int = 100) -> [Finding] {
  source.lines.enumerated().compactMap { index, line in
    // Counting characters is slow, and a line has no more of them than it has bytes.
    line.utf8.count > limit && line.count > limit
      ? source.finding(.width, at: index + 1, line) : nil
  }
}

/// Work that was put off.
func unfinishedFindings(in source: SwiftSource) -> [Finding] {
  zip(source.comments, source.code).enumerated().compactMap { index, texts in
    let (comment, code) = texts
    guard !comment.isBlank || code.utf8.contains(UInt8(ascii: "#")) else { return nil }
    let found =
      comment.contains(/\b(?:TODO|FIXME|XXX|HACK)\b|(?i)\bfor now\b|\bnot (?:yet )?implemented\b/)
      || code.contains(/#warning\b/)
    return found ? source.finding(.unfinished, at: index + 1, source.lines[index]) : nil
  }
}

/// A test that sleeps is slow when the machine is fast and wrong when it is slow.
func sleepFindings(in source: SwiftSource) -> [Finding] {
  source.findings(
    .sleep,
    where: [
      (/\b(?:Task|Thread|clock|\w*Clock\(\))\.sleep\b/, "sleeps"),
      (/^\s*(?:_ = )?sleep\(|\b(?:usleep|nanosleep)\(/, "sleeps"),
    ]
  )
}

extension SwiftSource {
  fileprivate func finding(_ rule: Rule, at line: Int, _ text: String) -> Finding {
    Finding(rule: rule, path: path, line: line, text: text)
  }

  /// The lines of code in which one of the patterns occurs.
  fileprivate func findings(
    _ rule: Rule,
    where patterns: [(pattern: Regex<Substring>, what: String)]
  ) -> [Finding] {
    // The default boundaries follow Unicode's words, for which `Date.now` is a single one; and
    // comparing scalars instead of characters takes half of the time.
    let simple = patterns.map {
      ($0.pattern.wordBoundaryKind(.simple).matchingSemantics(.unicodeScalar), $0.what)
    }
    return code.enumerated().compactMap { index, line in
      guard !line.isBlank, let hit = simple.first(where: { line.contains($0.0) }) else {
        return nil
      }
      let shown = lines[index].trimming { $0 == " " }
      return finding(rule, at: index + 1, "\(hit.1): \(shown)")
    }
  }
}

extension String {
  /// Whether there is nothing but spaces.
  fileprivate var isBlank: Bool { utf8.allSatisfy { $0 == UInt8(ascii: " ") } }
}
