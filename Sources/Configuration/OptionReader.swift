internal import Configuration

/// Reads a role's options: flags before `HAWSER_…` variables before the file.
///
/// swift-configuration decides which place wins. The values are texts in all of them, so that one
/// parser per kind of value gives the same answer wherever an option was given; what is wrong is
/// collected, so that a person sees everything at once.
package struct OptionReader {
  /// What each place holds.
  package struct Sources: Sendable {
    /// The flags given, by long name without dashes; several values of a repeated flag.
    package var flags: [String: [String]]
    /// The process's environment; only `HAWSER_…` names count, and empty values count as absent.
    package var environment: [String: String]
    package var file: ConfigurationFile?

    package init(
      flags: [String: [String]] = [:],
      environment: [String: String] = [:],
      file: ConfigurationFile? = nil
    ) {
      self.flags = flags
      self.environment = environment.filter { $0.key.hasPrefix("HAWSER_") && !$0.value.isEmpty }
      self.file = file
    }

    /// The same sources with the file as it is now.
    ///
    /// - Returns: A copy with the file read again.
    /// - Throws: ``ConfigurationError`` when the file can't be read or parsed.
    package func reread() throws(ConfigurationError) -> Sources {
      var sources = self
      if let file { sources.file = try ConfigurationFile(path: file.path) }
      return sources
    }
  }

  private let sources: Sources
  private let scalars: ConfigReader
  private let lists: ConfigReader
  private var knownKeys: [String] = []
  private var problems: [ConfigurationProblem] = []

  package init(_ sources: Sources) {
    self.sources = sources
    let environment = EnvironmentVariablesProvider(environmentVariables: sources.environment)
      .prefixKeys(with: "hawser")
    func reader(_ content: ([String]) -> ConfigContent?) -> ConfigReader {
      ConfigReader(providers: [
        Self.provider("flags", sources.flags.map { ($0.key, $0.value) }, content),
        environment,
        Self.provider("file", Self.values(of: sources.file), content),
      ])
    }
    scalars = reader { $0.last.map { .string($0) } }
    lists = reader { .stringArray($0) }
  }

  /// Reads the option `key` into `value`, which keeps its default when the option is given nowhere.
  package mutating func read<Value>(
    _ key: String,
    as kind: ValueKind<Value>,
    into value: inout Value
  ) {
    if let read: Value = read(key, as: kind) { value = read }
  }

  /// Reads the option `key`; `nil` when it is given nowhere or wrong.
  package mutating func read<Value>(_ key: String, as kind: ValueKind<Value>) -> Value? {
    knownKeys.append(key)
    if place(of: key) == .file, let entry = entry(key), !isScalar(entry.value) {
      report(key, "`\(key)` takes one value: \(kind.expectation)")
      return nil
    }
    guard let text = scalars.string(forKey: ConfigKey([key]), isSecret: kind.isSecret) else {
      return nil
    }
    return parse(text, of: key, as: kind)
  }

  /// Reads an option that may be given several times: a repeated flag, a list in the file, or a
  /// variable with commas. The values of one place only are taken.
  package mutating func readList<Value>(_ key: String, of kind: ValueKind<Value>) -> [Value] {
    knownKeys.append(key)
    if place(of: key) == .file, let entry = entry(key), entry.value == .other {
      report(key, "`\(key)` takes a list, each item \(kind.expectation)")
      return []
    }
    let texts = lists.stringArray(forKey: ConfigKey([key]), isSecret: kind.isSecret) ?? []
    return texts.compactMap { parse($0, of: key, as: kind) }
  }

  /// Notes that the option `key` has a right value which does not fit the others.
  package mutating func reject(_ key: String, because reason: String) {
    report(key, reason)
  }

  /// Whether anything was wrong so far.
  package var hasProblems: Bool { !problems.isEmpty }

  /// Whether `key` was given anywhere.
  package func isGiven(_ key: String) -> Bool {
    place(of: key) != nil
  }

  /// Whether `key` was given in a place that wins over the one of `other`.
  ///
  /// - Returns: `nil` when the two were given in the same place, or neither was given.
  package func isGiven(_ key: String, before other: String) -> Bool? {
    let absent = Int.max
    let rank = place(of: key)?.rawValue ?? absent
    let otherRank = place(of: other)?.rawValue ?? absent
    return rank == otherRank ? nil : rank < otherRank
  }

  /// Ends the reading.
  ///
  /// - Throws: ``ConfigurationError/invalid(_:)`` when a value was wrong, or the file has keys that
  ///   nobody read.
  package consuming func finish() throws(ConfigurationError) {
    for entry in sources.file?.entries ?? [] where !knownKeys.contains(entry.key) {
      let suggestion = nearestName(to: entry.key, in: knownKeys)
        .map { "did you mean `\($0)`?" }
      let known = "known keys: \(knownKeys.sorted().joined(separator: ", "))"
      problems.append(
        ConfigurationProblem(
          source: .file(path: sources.file?.path ?? "", line: entry.line),
          text: "unknown key `\(entry.key)`; \(suggestion ?? known)"
        )
      )
    }
    guard problems.isEmpty else { throw .invalid(problems) }
  }

  /// The variables of all options read so far.
  var knownVariables: [String] { knownKeys.map(Self.variable) }

  // MARK: Private

  private enum Place: Int {
    case flag
    case environment
    case file
  }

  private func place(of key: String) -> Place? {
    if sources.flags[key] != nil { return .flag }
    if sources.environment[Self.variable(key)] != nil { return .environment }
    return entry(key) == nil ? nil : .file
  }

  private func entry(_ key: String) -> ConfigurationFile.Entry? {
    sources.file?.entries.first { $0.key == key }
  }

  private mutating func parse<Value>(
    _ text: String,
    of key: String,
    as kind: ValueKind<Value>
  ) -> Value? {
    let reason: String
    do {
      if let value = try kind.parse(text) { return value }
      reason = (kind.isSecret ? "the value" : "`\(text)`") + " is not right"
    } catch {
      reason = "\(error)"
    }
    report(key, "wrong `\(key)`: \(reason); expected \(kind.expectation)")
    return nil
  }

  private mutating func report(_ key: String, _ text: String) {
    let source: ConfigurationProblem.Source =
      switch place(of: key) {
      case .flag, nil: .flag(name: key)
      case .environment: .environment(variable: Self.variable(key))
      case .file: .file(path: sources.file?.path ?? "", line: entry(key)?.line ?? 1)
      }
    problems.append(ConfigurationProblem(source: source, text: text))
  }

  private static func variable(_ key: String) -> String {
    "HAWSER_" + key.uppercased().replacing("-", with: "_")
  }

  private static func values(of file: ConfigurationFile?) -> [(String, [String])] {
    (file?.entries ?? []).compactMap { entry in
      switch entry.value {
      case .scalar(let text): (entry.key, [text])
      case .list(let texts): (entry.key, texts)
      case .other: nil
      }
    }
  }

  private static func provider(
    _ name: String,
    _ values: [(String, [String])],
    _ content: ([String]) -> ConfigContent?
  ) -> InMemoryProvider {
    let pairs = values.compactMap { key, texts in
      content(texts).map { (AbsoluteConfigKey([key]), ConfigValue($0, isSecret: false)) }
    }
    return InMemoryProvider(name: name, values: Dictionary(pairs) { first, _ in first })
  }

  private func isScalar(_ value: ConfigurationFile.Value) -> Bool {
    switch value {
    case .scalar: true
    case .list, .other: false
    }
  }
}
