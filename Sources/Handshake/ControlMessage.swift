internal import HawserPrimitives

/// A message on stream 0 (`PROTOCOL.md`, Control messages).
///
/// `id` is chosen by the side that registers and names one registration within the session.
package enum ControlMessage: Sendable, Hashable {
  /// Provider to server: offer a service.
  case register(id: UInt64, service: ServiceRegistration)
  /// Server to provider: the entry is bound; OPEN will name the service by `service`.
  case registered(id: UInt64, service: UInt64, entry: BoundEntry)
  /// Server to provider: the registration failed.
  case refused(id: UInt64, refusal: RegistrationRefusal)
  /// Provider to server: offer it no longer.
  case unregister(id: UInt64)
  /// Server to provider: no new client will come; streams that are open stay.
  case unregistered(id: UInt64)
  /// Either: no new streams from now on, and at most this long until the close. Whole seconds.
  case draining(within: Duration)
  /// Either: the sender is about to close the session.
  ///
  /// - `retryAfter`: whole seconds; `nil` leaves it to the dialler's back-off.
  case goingAway(reason: String, retryAfter: Duration?)
}

/// A service as its provider wants it reached.
package struct ServiceRegistration: Sendable, Hashable {
  /// For people and for status; 1 to ``HandshakeLimits/nameBytes`` bytes.
  package var name: String
  /// How clients should reach it.
  package var entry: RequestedEntry

  package init(name: String, entry: RequestedEntry) {
    self.name = name
    self.entry = entry
  }
}

/// The way that an entry treats its clients. Open: a server refuses modes that it does not know
/// with ``RegistrationRefusal/Code/unsupportedMode``.
package struct EntryMode: RawRepresentable, Sendable, Hashable {
  /// 1 to ``HandshakeLimits/modeBytes`` bytes.
  package var rawValue: String

  package init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// One service for all clients of a port, whatever they speak.
  package static let tcp = EntryMode(rawValue: "tcp")
}

/// The entry that a registration asks for.
package struct RequestedEntry: Sendable, Hashable {
  package var mode: EntryMode
  package var port: Port

  package init(mode: EntryMode, port: Port) {
    self.mode = mode
    self.port = port
  }

  /// The port that a registration asks for.
  package enum Port: Sendable, Hashable {
    /// The server's `--listen` entry, shared with other providers; `null` or absent in JSON.
    case listenEntry
    /// A free port of the server's choice; 0 in JSON.
    case any
    /// This port, 1 to 65535.
    case number(UInt16)
  }
}

/// An entry that the server has bound.
package struct BoundEntry: Sendable, Hashable {
  package var mode: EntryMode
  /// The address that the listener is bound to, at most ``HandshakeLimits/nameBytes`` bytes.
  package var address: String
  /// 1 to 65535.
  package var port: UInt16

  package init(mode: EntryMode, address: String, port: UInt16) {
    self.mode = mode
    self.address = address
    self.port = port
  }
}

/// Why a registration failed.
package struct RegistrationRefusal: Sendable, Hashable {
  /// Why, for the program.
  package var code: Code
  /// The code's name, for peers that do not know the code.
  package var name: String
  /// Why, for people; clipped to ``HandshakeLimits/reasonBytes`` when sent.
  package var reason: String

  /// A refusal with the code's own name.
  package init(_ code: Code, reason: String) {
    self.init(code, name: code.name ?? "", reason: reason)
  }

  init(_ code: Code, name: String, reason: String) {
    self.code = code
    self.name = name
    self.reason = reason
  }

  /// The number of a refusal. Peers may send numbers that are not known here.
  package struct Code: RawRepresentable, Sendable, Hashable {
    package var rawValue: UInt64

    package init(rawValue: UInt64) {
      self.rawValue = rawValue
    }

    /// The token does not allow this entry.
    package static let notPermitted = Code(rawValue: 1)
    /// The port belongs to another user, or to the server itself.
    package static let portTaken = Code(rawValue: 2)
    /// The system refused to bind the port.
    package static let bindFailed = Code(rawValue: 3)
    /// The server does not know the entry's mode.
    package static let unsupportedMode = Code(rawValue: 4)
    /// A limit on services is reached.
    package static let limitReached = Code(rawValue: 5)
    /// The server has no `--listen` entry.
    package static let noListenEntry = Code(rawValue: 6)
    /// The id is in use already.
    package static let duplicateID = Code(rawValue: 7)
    /// The server is stopping.
    package static let draining = Code(rawValue: 8)

    /// The codes known here, ascending.
    package static let known: [Code] = [
      .notPermitted, .portTaken, .bindFailed, .unsupportedMode, .limitReached, .noListenEntry,
      .duplicateID, .draining,
    ]

    /// The name as sent; `nil` for a number that is not known here.
    package var name: String? {
      switch self {
      case .notPermitted: "not-permitted"
      case .portTaken: "port-taken"
      case .bindFailed: "bind-failed"
      case .unsupportedMode: "unsupported-mode"
      case .limitReached: "limit-reached"
      case .noListenEntry: "no-listen-entry"
      case .duplicateID: "duplicate-id"
      case .draining: "draining"
      default: nil
      }
    }
  }
}
