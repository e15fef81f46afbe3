/// Text from a peer ends up in logs and on terminals, so what could steer a terminal is refused
/// when it arrives and replaced before it is sent (`PROTOCOL.md`, Text).
extension String {
  /// Whether the text is free of control characters and of line and paragraph separators.
  var isPrintable: Bool {
    unicodeScalars.allSatisfy(\.isPrintable)
  }

  /// The text with a space for each scalar that is not printable, cut at a scalar's boundary to
  /// at most `limit` bytes of UTF-8.
  func printable(atMost limit: Int) -> String {
    var result = String.UnicodeScalarView()
    var bytes = 0
    for scalar in unicodeScalars {
      let scalar = scalar.isPrintable ? scalar : " "
      bytes += UTF8.width(scalar)
      if bytes > limit { break }
      result.append(scalar)
    }
    return String(result)
  }
}

extension Unicode.Scalar {
  fileprivate var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
