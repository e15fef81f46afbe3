internal import Foundation

/// Writes for the person at the terminal: results on standard output, complaints on standard error.
enum Terminal {
  /// Writes `text` and a newline to standard output, at once.
  static func print(_ text: String = "") {
    write(text + "\n", to: .standardOutput)
  }

  /// Writes each line of `text` to standard error, marked as ours.
  static func complain(_ text: String) {
    for line in text.split(separator: "\n") { write("hawser: \(line)\n", to: .standardError) }
  }

  /// Whether standard output is a terminal.
  static var isInteractive: Bool { isatty(STDOUT_FILENO) != 0 }

  private static func write(_ text: String, to handle: FileHandle) {
    // Nobody is left to tell when the terminal has gone.
    try? handle.write(contentsOf: Data(text.utf8))
  }
}
