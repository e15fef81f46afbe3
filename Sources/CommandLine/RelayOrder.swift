internal import HawserPrimitives

/// What a line on the standard input of `hawser relay` asks for.
enum RelayOrder: Equatable {
  /// Reset all connections.
  case cut
  /// Reset all connections, and new ones for that time.
  case outage(Duration)
  /// Reset new connections, or no longer.
  case refuse(Bool)
  /// Let nothing pass, or everything again.
  case silence(Bool)
  /// Let nothing pass for that time.
  case silenceFor(Duration)
  /// Hold every byte that long.
  case delay(Duration)
  /// Let at most so many bytes a second pass each way; `nil` lifts the limit.
  case throttle(UInt64?)
  /// Say what has passed.
  case counters

  static let help = """
      cut              reset all connections
      cut 5s           reset them, and new ones for five seconds
      refuse on|off    reset new connections
      silence on|off   let nothing pass, and tell nobody
      silence 5s       the same for five seconds
      delay 100ms      hold every byte that long, each way; 0 ends it
      rate 1MiB|off    bytes per second, each way
      counters         print what has passed
    """

  /// - Parameter line: One of the forms in ``help``; `nil` comes of all others.
  init?(line: String) {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    let argument = words.count == 2 ? words[1] : nil
    guard words.count == 1 || argument != nil else { return nil }
    let duration = argument.flatMap { try? Duration(humanText: $0) }
    let isOn: Bool? = argument == "on" ? true : argument == "off" ? false : nil
    switch (words[0], argument) {
    case ("cut", nil): self = .cut
    case ("counters", nil): self = .counters
    case ("cut", _?): self.init(duration.map(RelayOrder.outage))
    case ("refuse", _?): self.init(isOn.map(RelayOrder.refuse))
    case ("silence", _?):
      self.init(isOn.map(RelayOrder.silence) ?? duration.map(RelayOrder.silenceFor))
    case ("delay", _?): self.init(duration.map(RelayOrder.delay))
    case ("rate", "off"?): self = .throttle(nil)
    case ("rate", let text?):
      self.init((try? ByteCount(humanText: text)).map { .throttle($0.bytes) })
    default: return nil
    }
  }

  private init?(_ order: RelayOrder?) {
    guard let order else { return nil }
    self = order
  }
}
