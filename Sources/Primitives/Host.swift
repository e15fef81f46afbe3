/// Why a host, a port or both together can't be understood; the text says which part is wrong.
package enum HostError: Error, Equatable, CustomStringConvertible {
  /// There is no host.
  case emptyHost
  /// The host is neither a name nor an address.
  case invalidHost(text: String, reason: String)
  /// An IPv6 address must stand in brackets where a port may follow it.
  case unbracketedIPv6(text: String)
  /// A bracket is not closed, or something other than a port follows it.
  case invalidBrackets(text: String)
  /// The port is no decimal number of the range.
  case invalidPort(text: String, minimum: Int)

  package var description: String {
    switch self {
    case .emptyHost: "the host is empty"
    case .invalidHost(let text, let reason): "the host ‘\(text)’ \(reason)"
    case .unbracketedIPv6(let text): "write the IPv6 address in ‘\(text)’ as [address]:port"
    case .invalidBrackets(let text):
      "the brackets in ‘\(text)’ must read [address] or [address]:port"
    case .invalidPort(let text, let minimum):
      "the port ‘\(text)’ is not a decimal number from \(minimum) to 65535"
    }
  }
}

/// A host as people write it: a DNS name, an IPv4 or an IPv6 address.
package struct Host: Sendable, Hashable, CustomStringConvertible {
  /// The name in lower case or the address, IPv6 without brackets; what a resolver wants.
  package let text: String
  /// Whether ``text`` is an IPv6 address, perhaps with a zone behind `%`.
  package let isIPv6: Bool

  /// The longest name that DNS can carry, in characters (RFC 1035 §2.3.4 without the root's byte).
  package static let maximumNameLength = 253
  /// The longest label between two dots, in characters (RFC 1035 §2.3.4).
  package static let maximumLabelLength = 63

  /// 127.0.0.1.
  package static let loopback = Host(knownAddress: "127.0.0.1")

  private init(knownAddress: String) {
    text = knownAddress
    isIPv6 = false
  }

  /// - Parameter text: A name or an address, IPv6 without brackets.
  /// - Throws: ``HostError/emptyHost`` or ``HostError/invalidHost(text:reason:)``.
  package init(_ text: some StringProtocol) throws(HostError) {
    let text = text.lowercased()
    guard !text.isEmpty else { throw .emptyHost }
    if text.contains(":") {
      guard IPv6Address(text: text) != nil else {
        throw .invalidHost(text: text, reason: "is not a valid IPv6 address")
      }
      self.isIPv6 = true
    } else {
      try Self.checkName(text)
      self.isIPv6 = false
    }
    self.text = text
  }

  /// The host as it stands before `:port`: IPv6 in brackets.
  package var description: String { isIPv6 ? "[\(text)]" : text }

  private static func checkName(_ text: String) throws(HostError) {
    let name = text.hasSuffix(".") ? text.dropLast() : text[...]
    guard name.utf8.count <= maximumNameLength else {
      throw .invalidHost(text: text, reason: "is longer than \(maximumNameLength) characters")
    }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    for label in labels {
      guard !label.isEmpty else { throw .invalidHost(text: text, reason: "has an empty label") }
      guard label.utf8.count <= maximumLabelLength else {
        let reason = "has a label of more than \(maximumLabelLength) characters"
        throw .invalidHost(text: text, reason: reason)
      }
      guard label.utf8.allSatisfy(isNameCharacter), !label.hasPrefix("-"), !label.hasSuffix("-")
      else {
        let reason = "is not a name of letters, digits and inner hyphens"
        throw .invalidHost(text: text, reason: reason)
      }
    }
    // Resolvers read anything that ends in a number as an IPv4 address, in surprising forms.
    if let last = labels.last, last.utf8.allSatisfy(isDigit), IPv4Address(text: text) == nil {
      throw .invalidHost(text: text, reason: "is not a valid IPv4 address")
    }
  }

  /// Underscores are not for host names, but container networks use them.
  private static func isNameCharacter(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
  }
}

/// A host and a port that may follow it, as in `host`, `host:80`, `[::1]` and `[::1]:80`.
package struct HostAndPort: Sendable, Hashable {
  package let host: Host
  /// `nil` where the text has none.
  package let port: UInt16?

  /// - Parameter text: The host, IPv6 in brackets, and perhaps `:` and the port.
  /// - Throws: ``HostError``.
  package init(_ text: some StringProtocol) throws(HostError) {
    let text = String(text)
    let hostText: Substring
    let rest: Substring
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { throw .invalidBrackets(text: text) }
      hostText = text[text.index(after: text.startIndex)..<close]
      rest = text[text.index(after: close)...]
      guard rest.isEmpty || rest.hasPrefix(":"), hostText.isEmpty || hostText.contains(":") else {
        throw .invalidBrackets(text: text)
      }
    } else {
      let colon = text.firstIndex(of: ":") ?? text.endIndex
      hostText = text[..<colon]
      rest = text[colon...]
      if IPv6Address(text: text) != nil { throw .unbracketedIPv6(text: text) }
    }
    host = try Host(hostText)
    port = rest.isEmpty ? nil : try UInt16(portText: rest.dropFirst())
  }
}

extension UInt16 {
  /// Reads a port: decimal digits only, no sign, no other base.
  ///
  /// - Parameters:
  ///   - portText: The digits.
  ///   - minimum: 0 where 0 means "pick a free one", else 1.
  /// - Throws: ``HostError/invalidPort(text:minimum:)``.
  package init(portText: some StringProtocol, minimum: UInt16 = 1) throws(HostError) {
    guard portText.utf8.allSatisfy(isDigit), let port = UInt16(portText), port >= minimum else {
      throw .invalidPort(text: String(portText), minimum: Int(minimum))
    }
    self = port
  }
}

func isDigit(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}
