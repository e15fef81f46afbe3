/// Why an authenticated provider doesn't get the port it asks for.
package enum ClaimRefusal: Error, Equatable {
  /// The token lacks the scope.
  case missingScope(TokenID, TokenScope)
  /// The port is the server's own.
  case portOfServer(UInt16)
  /// The port is below 1024, and the token names no ranges.
  case portPrivileged(TokenID, UInt16)
  /// The token names ranges, and the port is in none of them.
  case portOutsideRanges(TokenID, UInt16, [PortRange])
  /// Another user holds the port.
  case portHeld(UInt16, by: UserName)

  /// For the server's log: whose token, which port, what to do.
  package var operatorMessage: String {
    switch self {
    case .missingScope(let id, let scope): "token \(id) lacks the scope ‘\(scope.rawValue)’"
    case .portOfServer(let port): "port \(port) is the server's own"
    case .portPrivileged(let id, let port):
      "port \(port) is below 1024, which token \(id) may claim only with --ports"
    case .portOutsideRanges(let id, let port, let ranges):
      "port \(port) is not among \(Self.list(ranges)), which token \(id) may claim"
    case .portHeld(let port, let owner): "port \(port) is held by the user \(owner)"
    }
  }

  /// For the provider, which has authenticated itself: the reason, without other users' names.
  package var providerMessage: String {
    switch self {
    case .missingScope(_, let scope): "the token lacks the scope ‘\(scope.rawValue)’"
    case .portOfServer(let port): "port \(port) is the server's own; choose another one"
    case .portPrivileged(_, let port):
      "port \(port) is below 1024; the server's operator can make a token that has it in --ports"
    case .portOutsideRanges(_, let port, let ranges):
      "port \(port) is not among the ports of the token: \(Self.list(ranges))"
    case .portHeld(let port, _): "port \(port) is taken; choose another one"
    }
  }

  private static func list(_ ranges: [PortRange]) -> String {
    ranges.map(\.description).joined(separator: ",")
  }
}
