/// What can be wrong with credentials as text, and with the store that keeps them.
///
/// No case carries a token's secret, so that the descriptions may be logged and printed.
package enum CredentialsError: Error, Equatable, CustomStringConvertible {
  /// A token's text is not `<id>_<secret>`.
  case invalidToken(reason: String)
  /// A join URL is wrong in `part`.
  case invalidJoinURL(part: JoinURLPart, reason: String)
  /// A list of scopes names something else.
  case invalidScope(text: String)
  /// A list of ports is not made of ports and ranges.
  case invalidPorts(text: String, reason: String)
  /// A domain is not a name.
  case invalidDomain(text: String, reason: String)
  /// A user's name is too long or has characters that could confuse a reader.
  case invalidUser(text: String)
  /// The store has a token of this id already.
  case tokenExists(TokenID)
  /// The store couldn't be read or written; worth another try.
  case storeUnavailable(reason: String)

  package var description: String {
    switch self {
    case .invalidToken(let reason): "the token \(reason)"
    case .invalidJoinURL(let part, let reason): "the join URL's \(part.rawValue) \(reason)"
    case .invalidScope(let text):
      "the scope ‘\(text)’ is not one of "
        + TokenScope.allCases.map(\.rawValue).joined(separator: ", ")
    case .invalidPorts(let text, let reason): "the ports ‘\(text)’ \(reason)"
    case .invalidDomain(let text, let reason): "the domain ‘\(text)’ is refused: \(reason)"
    case .invalidUser(let text):
      "the user ‘\(text)’ must have 1 to \(UserName.maximumLength) letters, digits and . _ - @"
    case .tokenExists(let id): "there is a token \(id) already"
    case .storeUnavailable(let reason): "the credential store can't be used: \(reason)"
    }
  }
}

/// The parts of a join URL that an error can name.
package enum JoinURLPart: String, Sendable {
  case whole = "text"
  case scheme
  case token
  case host
  case port
  case path
  case key
}
