package import HawserPrimitives

/// Where a provider finds a service: `PORT`, `host:port`, `[v6]:port` or `unix:/path`.
package enum TargetAddress: Sendable, Hashable, CustomStringConvertible {
  /// The port is 1 or more.
  case tcp(host: Host, port: UInt16)
  /// The path is absolute and at most ``UnixSocketPath.maximumLength`` bytes long.
  case unix(path: String)

  private static let unixPrefix = "unix:"

  /// - Parameter text: The target; a port alone means 127.0.0.1.
  /// - Throws: ``RoutingError/invalidTarget(text:part:reason:)``.
  package init(text: some StringProtocol) throws(RoutingError) {
    let text = String(text)
    if text.lowercased().hasPrefix(Self.unixPrefix) {
      self = try Self.unixTarget(text)
    } else if let scheme = text.firstRange(of: "://") {
      let name = text[..<scheme.lowerBound]
      throw .invalidTarget(
        text: text,
        part: .scheme,
        reason: "‘\(name)’ does not belong there; write host:port or unix:/path"
      )
    } else {
      self = try text.contains(":") ? Self.hostTarget(text) : Self.portTarget(text)
    }
  }

  /// The target in the form that is read back to the same value.
  package var description: String {
    switch self {
    case .tcp(let host, let port): "\(host):\(port)"
    case .unix(let path): Self.unixPrefix + path
    }
  }

  private static func unixTarget(_ text: String) throws(RoutingError) -> TargetAddress {
    let path = String(text.dropFirst(unixPrefix.count))
    let problem: String? =
      if path.isEmpty {
        "is empty"
      } else if !path.hasPrefix("/") || path.hasPrefix("//") {
        "must be absolute; write unix:/path"
      } else if path.utf8.count > UnixSocketPath.maximumLength {
        "has \(path.utf8.count) bytes, but a socket's path has at most "
          + "\(UnixSocketPath.maximumLength)"
      } else if path.utf8.contains(0) {
        "has a zero byte"
      } else {
        nil
      }
    if let problem { throw .invalidTarget(text: text, part: .path, reason: problem) }
    return .unix(path: path)
  }

  private static func portTarget(_ text: String) throws(RoutingError) -> TargetAddress {
    do throws(HostError) {
      return .tcp(host: .loopback, port: try UInt16(portText: text))
    } catch {
      let isNumber = text.isEmpty || text.hasPrefix("-") || text.first?.isNumber == true
      let isHost = !isNumber || IPv4Address(text: text) != nil
      throw .invalidTarget(
        text: text,
        part: .port,
        reason: isHost ? "is missing; write host:port" : Self.reason(of: error)
      )
    }
  }

  private static func hostTarget(_ text: String) throws(RoutingError) -> TargetAddress {
    let endpoint: HostAndPort
    do throws(HostError) {
      endpoint = try HostAndPort(text)
    } catch {
      let part: TargetPart = if case .invalidPort = error { .port } else { .host }
      throw .invalidTarget(text: text, part: part, reason: Self.reason(of: error))
    }
    guard let port = endpoint.port else {
      throw .invalidTarget(text: text, part: .port, reason: "is missing; write [address]:port")
    }
    return .tcp(host: endpoint.host, port: port)
  }

  private static func reason(of error: HostError) -> String {
    switch error {
    case .emptyHost: "is empty"
    case .invalidHost(let text, let reason): "‘\(text)’ \(reason)"
    case .unbracketedIPv6: "is an IPv6 address without brackets; write [address]:port"
    case .invalidBrackets: "has wrong brackets; write [address]:port"
    case .invalidPort(let text, let minimum):
      "‘\(text)’ is not a decimal number from \(minimum) to 65535"
    }
  }
}
