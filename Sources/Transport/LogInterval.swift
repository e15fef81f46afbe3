package import HawserPrimitives

/// Lets a line into the log, and then none for ``TransportLimits/logInterval``: what strangers can
/// cause at will must not fill the log.
package struct LogInterval {
  private var lastLine: Instant?

  package init() {}

  /// Whether a line may be written now.
  package mutating func admitsLine(at now: Instant) -> Bool {
    if let lastLine, now - lastLine < TransportLimits.logInterval { return false }
    lastLine = now
    return true
  }
}
