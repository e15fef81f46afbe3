/// What the log on standard error looks like; options of every role.
package struct LoggingOptions: Sendable, Equatable {
  /// The form of a line.
  package enum Format: String, Sendable, CaseIterable {
    case text, json
  }

  /// The least important lines that are written.
  package enum Level: String, Sendable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
  }

  package var format = Format.text
  package var level = Level.info

  package init(format: Format, level: Level) {
    self.format = format
    self.level = level
  }

  init(reading reader: inout OptionReader) {
    reader.read("log-format", as: .choice, into: &format)
    reader.read("log-level", as: .choice, into: &level)
  }
}
