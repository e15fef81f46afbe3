package import HawserCryptography
package import HawserPrimitives

/// The one string that a provider needs (`PROTOCOL.md`, Identity and joining):
///
///     hawser://<token>@<host>[:<port>][?key=<join key>[&key=…]]
///
/// Unknown query items are ignored, so that later versions can add some. Without a key the server
/// is verified by its certificate. The description hides the token's secret; ``text`` reveals it.
package struct JoinURL: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  /// The port of a server that names no other (TCP and UDP).
  package static let defaultPort: UInt16 = 9887
  /// The most keys that a URL may carry: a change of keys needs two.
  package static let maximumKeyCount = 8
  /// The longest text that is read, in bytes; all keys, the longest host and room for later items.
  package static let maximumLength = 4096

  package let token: Token
  package let host: Host
  /// From 1.
  package let port: UInt16
  /// The identities that are accepted, without repetition; empty means trust in certificates.
  package let keys: [JoinKey]

  /// The port is 1 or more, and there are at most ``maximumKeyCount`` keys.
  package init(token: Token, host: Host, port: UInt16 = defaultPort, keys: [JoinKey]) {
    self.token = token
    self.host = host
    self.port = port
    self.keys = keys
  }

  /// - Parameter text: The URL, nothing around it.
  /// - Throws: ``CredentialsError/invalidJoinURL(part:reason:)``, which never repeats the token.
  package init(text: some StringProtocol) throws(CredentialsError) {
    guard text.utf8.count <= Self.maximumLength else {
      throw .invalidJoinURL(part: .whole, reason: "is longer than \(Self.maximumLength) bytes")
    }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .invalidJoinURL(
        part: .whole,
        reason: "has spaces or characters that must be percent-encoded"
      )
    }
    let parts = try Parts(of: String(text))
    token = try Self.token(from: parts.userInformation)
    (host, port) = try Self.endpoint(from: parts.endpoint)
    keys = try Self.keys(from: parts.query)
  }

  /// The URL with the token's secret: for the person who joins, never for logs.
  package var text: String { format(token: token.text) }

  /// The URL without the token's secret.
  package var description: String { format(token: token.description) }
  package var customMirror: Mirror { Mirror(reflecting: description) }

  private func format(token: String) -> String {
    let zoneSafeHost = host.description.split(separator: "%", omittingEmptySubsequences: false)
      .joined(separator: "%25")
    let items = keys.map { "key=\($0.text)" }.joined(separator: "&")
    return "hawser://\(token)@\(zoneSafeHost):\(port)\(items.isEmpty ? "" : "?\(items)")"
  }
}

extension JoinURL {
  /// The URL cut at its delimiters, nothing decoded yet.
  private struct Parts {
    let userInformation: Substring
    let endpoint: Substring
    let query: Substring

    init(of text: String) throws(CredentialsError) {
      let scheme = "hawser://"
      guard text.prefix(scheme.count).lowercased() == scheme else {
        throw .invalidJoinURL(part: .scheme, reason: "must be ‘\(scheme)’")
      }
      let rest = text.dropFirst(scheme.count)
      guard !rest.contains("#") else {
        throw .invalidJoinURL(part: .whole, reason: "has a ‘#’; quote the URL when pasting it")
      }
      let mark = rest.firstIndex(of: "?") ?? rest.endIndex
      query = rest[mark...].dropFirst()
      let slash = rest[..<mark].firstIndex(of: "/") ?? mark
      guard rest[slash..<mark].count <= 1 else {
        throw .invalidJoinURL(part: .path, reason: "must be empty")
      }
      let authority = rest[..<slash]
      guard let at = authority.lastIndex(of: "@") else {
        throw .invalidJoinURL(part: .token, reason: "is missing: there is no ‘@’ before the host")
      }
      userInformation = authority[..<at]
      endpoint = authority[authority.index(after: at)...]
    }
  }

  private static func token(from text: Substring) throws(CredentialsError) -> Token {
    let decoded = try percentDecoded(text, part: .token)
    do throws(CredentialsError) {
      return try Token(text: decoded)
    } catch {
      guard case .invalidToken(let reason) = error else { throw error }
      throw .invalidJoinURL(part: .token, reason: reason)
    }
  }

  private static func endpoint(
    from text: Substring
  ) throws(CredentialsError) -> (host: Host, port: UInt16) {
    let decoded = try percentDecoded(text, part: .host)
    do throws(HostError) {
      let endpoint = try HostAndPort(decoded)
      return (endpoint.host, endpoint.port ?? defaultPort)
    } catch {
      let isPort = if case .invalidPort = error { true } else { false }
      throw .invalidJoinURL(part: isPort ? .port : .host, reason: "is wrong: \(error)")
    }
  }

  private static func keys(from query: Substring) throws(CredentialsError) -> [JoinKey] {
    var keys: [JoinKey] = []
    for item in query.split(separator: "&") {
      let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.first == "key" else { continue }
      let value = try percentDecoded(pair.count == 2 ? pair[1] : "", part: .key)
      do throws(CryptographyError) {
        let key = try JoinKey(text: value)
        if !keys.contains(key) { keys.append(key) }
      } catch {
        throw .invalidJoinURL(part: .key, reason: "is wrong: \(error)")
      }
      guard keys.count <= maximumKeyCount else {
        throw .invalidJoinURL(part: .key, reason: "is given more than \(maximumKeyCount) times")
      }
    }
    return keys
  }

  /// Decodes `%XX` (RFC 3986 §2.1) into ASCII: no part of a join URL has other characters.
  private static func percentDecoded(
    _ text: Substring,
    part: JoinURLPart
  ) throws(CredentialsError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      rest = rest.dropFirst(2)
      guard digits.count == 2, digits.first != UInt8(ascii: "+"),
        let decoded = UInt8(String(decoding: digits, as: UTF8.self), radix: 16),
        decoded > 0x20, decoded < 0x7F
      else { throw .invalidJoinURL(part: part, reason: "has a wrong percent-encoding") }
      bytes.append(decoded)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
