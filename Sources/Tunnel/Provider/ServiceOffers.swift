internal import HawserHandshake
internal import HawserRouting

/// What a provider offers, and what became of each registration. Pure.
struct ServiceOffers {
  /// One service of the configuration.
  struct Offer {
    let id: UInt64
    let service: ServiceEntry
    /// Where the server has bound it; `nil` while it is not registered.
    var bound: BoundEntry?
    /// The id by which the server's OPEN names it; `nil` while it is not registered.
    var serviceID: UInt64?
    /// The server said that this session will not get it.
    var isRefused = false
    /// The port that it had, asked for again when any port is good enough.
    var lastPort: UInt16?

    /// What the server is told of it.
    var registration: ServiceRegistration {
      ServiceRegistration(
        name: "\(service.target)",
        entry: RequestedEntry(mode: .tcp, port: port)
      )
    }

    private var port: RequestedEntry.Port {
      switch service.entrance {
      case .serverEntry: .listenEntry
      case .port(0): lastPort.map(RequestedEntry.Port.number) ?? .any
      case .port(let port): .number(port)
      }
    }
  }

  private(set) var offers: [UInt64: Offer] = [:]

  /// - Parameter services: Their place in the list gives them their ids, from 1.
  init(_ services: [ServiceEntry]) {
    for (index, service) in services.enumerated() {
      let id = UInt64(index) + 1
      offers[id] = Offer(id: id, service: service)
    }
  }

  /// In the order of the configuration.
  var all: [Offer] { offers.values.sorted { $0.id < $1.id } }

  /// Whether the server has bound every one that it does not refuse.
  var areAllSettled: Bool { offers.values.allSatisfy { $0.bound != nil || $0.isRefused } }

  /// Whether the server refuses every one.
  var areAllRefused: Bool { offers.values.allSatisfy(\.isRefused) }

  /// The offer that the server's OPEN means. An OPEN may overtake the answer to the registration;
  /// until that is there, the id is taken for the registration's own.
  func offer(forService serviceID: UInt64) -> Offer? {
    if let offer = offers.values.first(where: { $0.serviceID == serviceID }) { return offer }
    return offers[serviceID].flatMap { $0.serviceID == nil ? $0 : nil }
  }

  /// The server has bound an entry, and gave the service an id of its own.
  mutating func registered(_ id: UInt64, as serviceID: UInt64, at bound: BoundEntry) {
    offers[id]?.bound = bound
    offers[id]?.serviceID = serviceID
    offers[id]?.lastPort = bound.port
  }

  /// The server refused for as long as the session lasts.
  mutating func refused(_ id: UInt64) {
    offers[id]?.isRefused = true
  }

  /// The server refused because of something that may pass, or took the entry back.
  ///
  /// - Parameters:
  ///   - id: The offer's.
  ///   - forgetPort: The port that it had is not to be had any more.
  mutating func lost(_ id: UInt64, forgetPort: Bool) {
    offers[id]?.bound = nil
    offers[id]?.serviceID = nil
    if forgetPort { offers[id]?.lastPort = nil }
  }

  /// The session is over, and all registrations with it.
  mutating func forgetRegistrations() {
    for id in offers.keys {
      lost(id, forgetPort: false)
      offers[id]?.isRefused = false
    }
  }
}
