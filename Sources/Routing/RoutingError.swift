/// Why a target or a list of services can't be understood; each case names the part that is wrong.
package enum RoutingError: Error, Equatable, CustomStringConvertible {
  /// A target is wrong in `part`.
  case invalidTarget(text: String, part: TargetPart, reason: String)
  /// What stands before the `=` of a mapping `PORT=TARGET` is no port, or there is no `=`.
  case invalidMapping(text: String, reason: String)
  /// Two services ask for the same port.
  case duplicatePort(UInt16)
  /// There is nothing to offer.
  case noService
  /// There are more services than a provider may offer.
  case tooManyServices(maximum: Int)

  package var description: String {
    switch self {
    case .invalidTarget(let text, let part, let reason):
      "in the target ‘\(text)’ the \(part.rawValue) \(reason)"
    case .invalidMapping(let text, let reason): "in ‘\(text)’ \(reason)"
    case .duplicatePort(let port): "port \(port) is given to two services"
    case .noService: "no service is named; give a target, or --tcp PORT=TARGET"
    case .tooManyServices(let maximum): "a provider can offer \(maximum) services at most"
    }
  }
}

/// The parts of a target that an error can name.
package enum TargetPart: String, Sendable {
  case scheme
  case host
  case port
  case path
}
