internal import Foundation
internal import HawserConfiguration
internal import Logging

/// Writes each log event as one line to standard error, as text or as a JSON object.
struct LineLogHandler: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let format: LoggingOptions.Format
  private let label: String
  private let output: @Sendable (String) -> Void

  init(
    label: String,
    options: LoggingOptions,
    output: @escaping @Sendable (String) -> Void = LineLogHandler.writeToStandardError
  ) {
    self.label = label
    self.output = output
    format = options.format
    logLevel = Logger.Level(rawValue: options.level.rawValue) ?? .info
  }

  /// Makes every logger of the process write with `options`; call it once, before any is made.
  static func install(_ options: LoggingOptions) {
    LoggingSystem.bootstrap { LineLogHandler(label: $0, options: options) }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    all.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { all["error"] = "\(error)" }
    let time = Date.now.formatted(.iso8601.time(includingFractionalSeconds: true))
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
    return isPlain && !value.isEmpty ? oneLine(value) : value.debugDescription
  }

  /// Peers choose some of the texts: control characters must not reach the terminal.
  private static func oneLine(_ text: String) -> String {
    let isPlain = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    return isPlain ? text : text.debugDescription
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
