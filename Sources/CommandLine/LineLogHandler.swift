internal import Foundation
internal import HawserConfiguration
internal import Logging
internal import Synchronization

extension FormatStyle where Self == Date.ISO8601FormatStyle {
  /// UTC with milliseconds: `2026-01-31T12:00:00.123Z`.
  fileprivate static var iso8601WithFraction: Self { Self(includingFractionalSeconds: true) }
}

/// Writes each log event as one line to standard error, as text or as a JSON object.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  private let format: LoggingOptions.Format
  private let label: String
  private let output: @Sendable (String) -> Void
  private var ownLevel: Logger.Level?

  /// What `log-level` says; changes when the configuration is reloaded.
  private static let processLevel = Mutex(Logger.Level.info)

  init(
    label: String,
    options: LoggingOptions,
    output: @escaping @Sendable (String) -> Void = LineLogHandler.writeToStandardError
  ) {
    self.label = label
    self.output = output
    format = options.format
  }

  /// The level of one logger, or that of the process while nobody sets another.
  var logLevel: Logger.Level {
    get { ownLevel ?? Self.processLevel.withLock { $0 } }
    set { ownLevel = newValue }
  }

  /// Makes every logger of the process write with `options`; call it once, before any is made.
  static func install(_ options: LoggingOptions) {
    setLevel(options)
    LoggingSystem.bootstrap { LineLogHandler(label: $0, options: options) }
  }

  /// Warns of variables that have no effect, though a person may think so.
  static func warn(of variables: [MisspeltVariable]) {
    let logger = Logger(label: "hawser.configuration")
    for variable in variables {
      logger.warning(
        "unknown variable ignored",
        metadata: ["name": "\(variable.name)", "nearest": "\(variable.nearest)"]
      )
    }
  }

  /// Takes the level from options that are read anew; nothing changes when that fails.
  static func reload(_ read: () throws -> LoggingOptions) {
    let logger = Logger(label: "hawser.configuration")
    do {
      let options = try read()
      setLevel(options)
      logger.notice("configuration reloaded", metadata: ["log-level": "\(options.level)"])
    } catch {
      logger.error("configuration not reloaded", metadata: ["error": "\(error)"])
    }
  }

  private static func setLevel(_ options: LoggingOptions) {
    let level = Logger.Level(rawValue: options.level.rawValue) ?? .info
    processLevel.withLock { $0 = level }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    all.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { all["error"] = "\(error)" }
    let time = Date.now.formatted(.iso8601WithFraction)
    let message = "\(event.message)"
    switch format {
    case .text: output(Self.textLine(time, event.level, message, all))
    case .json: output(jsonLine(time, event.level, message, all))
    }
  }

  private static func textLine(
    _ time: String,
    _ level: Logger.Level,
    _ message: String,
    _ metadata: Logger.Metadata
  ) -> String {
    let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(quoted("\($0.value)"))" }
    let paddedLevel = level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
    return "\(time) \(paddedLevel) \(oneLine(message))\(pairs.joined())\n"
  }

  /// Quotes a value that could be read as more than one, or as a line of its own.
  private static func quoted(_ value: String) -> String {
    let isPlain = value.allSatisfy { !$0.isWhitespace && $0 != "\"" && $0 != "=" }
    return isPlain && !value.isEmpty ? oneLine(value) : "\"\(escaped(value))\""
  }

  /// Peers choose some of the texts: control characters must not reach the terminal.
  private static func oneLine(_ text: String) -> String {
    text.unicodeScalars.contains(where: isInvisible) ? escaped(text) : text
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if isInvisible(scalar) {
        result += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        if scalar == "\"" || scalar == "\\" { result += "\\" }
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Control characters, and those that reorder or break lines.
  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }

  private func jsonLine(
    _ time: String,
    _ level: Logger.Level,
    _ message: String,
    _ metadata: Logger.Metadata
  ) -> String {
    var fields = metadata.mapValues { "\($0)" }
    fields["time"] = time
    fields["level"] = level.rawValue
    fields["logger"] = label
    fields["message"] = message
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = (try? encoder.encode(fields)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  /// One system call per line, so that lines of several threads do not mix.
  @Sendable private static func writeToStandardError(_ line: String) {
    try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
  }
}
