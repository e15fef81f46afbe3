internal import HawserPrimitives

/// What a token may be used for.
package enum TokenScope: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Register services as a provider.
  case connect
  /// Reach a provider's targets as a forwarder.
  case forward
  /// Administer the server.
  case admin

  /// Reads `connect,forward,admin`, at least one of them.
  package static func parseList(
    _ text: some StringProtocol
  ) throws(CredentialsError) -> Set<TokenScope> {
    var scopes: Set<TokenScope> = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let scope = TokenScope(rawValue: String(item)) else {
        throw .invalidScope(text: String(item))
      }
      scopes.insert(scope)
    }
    return scopes
  }

  package static func < (left: TokenScope, right: TokenScope) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The ports from `lowest` to `highest`, both included.
package struct PortRange: Sendable, Hashable, CustomStringConvertible {
  package let lowest: UInt16
  package let highest: UInt16

  /// The most ranges that one token may have; a list this long is a mistake.
  package static let maximumCount = 64

  /// - Parameter text: `2000` or `2000-2999`, from 1 to 65535.
  /// - Throws: ``CredentialsError/invalidPorts(text:reason:)``.
  package init(_ text: some StringProtocol) throws(CredentialsError) {
    let bounds = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    do throws(HostError) {
      lowest = try UInt16(portText: bounds.first ?? "")
      highest = bounds.count == 2 ? try UInt16(portText: bounds[1]) : lowest
    } catch {
      throw .invalidPorts(text: String(text), reason: "are refused: \(error)")
    }
    guard lowest <= highest else {
      throw .invalidPorts(text: String(text), reason: "run backwards")
    }
  }

  /// Reads `80,2000-2999`, at least one range.
  package static func parseList(_ text: some StringProtocol) throws(CredentialsError) -> [PortRange]
  {
    var ranges: [PortRange] = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      try ranges.append(PortRange(item))
    }
    guard ranges.count <= maximumCount else {
      throw .invalidPorts(text: String(text), reason: "are more than \(maximumCount) ranges")
    }
    return ranges
  }

  package func contains(_ port: UInt16) -> Bool { (lowest...highest).contains(port) }

  package var description: String { lowest == highest ? "\(lowest)" : "\(lowest)-\(highest)" }
}

/// A domain that a token may claim: itself and every name below it.
package struct Domain: Sendable, Hashable, CustomStringConvertible {
  /// In lower case, without a trailing dot.
  package let name: String

  /// - Parameter text: A DNS name, not an address.
  /// - Throws: ``CredentialsError/invalidDomain(text:reason:)``.
  package init(_ text: some StringProtocol) throws(CredentialsError) {
    let host: Host
    do throws(HostError) {
      host = try Host(text)
    } catch {
      throw .invalidDomain(text: String(text), reason: "\(error)")
    }
    guard !host.isIPv6, IPv4Address(text: host.text) == nil else {
      throw .invalidDomain(text: String(text), reason: "an address is no domain")
    }
    name = host.text.hasSuffix(".") ? String(host.text.dropLast()) : host.text
  }

  /// Whether `host` is this domain or below it, at a label boundary.
  package func covers(_ host: Domain) -> Bool {
    host.name == name || host.name.hasSuffix("." + name)
  }

  package var description: String { name }
}

/// The name of a person or system that owns tokens and the routes claimed with them.
package struct UserName: Sendable, Hashable, CustomStringConvertible {
  /// In characters.
  package static let maximumLength = 64

  package let text: String

  /// The owner of the token that a server makes at its first start.
  package static let firstUser = UserName(known: "owner")

  private init(known text: String) {
    self.text = text
  }

  /// - Parameter text: Letters and digits of ASCII and `.`, `_`, `-`, `@`.
  /// - Throws: ``CredentialsError/invalidUser(text:)``.
  package init(_ text: some StringProtocol) throws(CredentialsError) {
    guard (1...Self.maximumLength).contains(text.utf8.count),
      text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) || "._-@".contains($0) })
    else { throw .invalidUser(text: String(text)) }
    self.text = String(text)
  }

  package var description: String { text }
}
