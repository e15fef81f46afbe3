internal import Foundation
internal import HawserPrimitives

/// The host that join URLs name.
enum PublicHost {
  /// The host that a server bound to `address` announces when nobody says: the address, or the
  /// machine's name when that is all addresses.
  static func announced(boundTo address: String) -> String {
    ["0.0.0.0", "::", "[::]"].contains(address) ? ofThisMachine : address
  }

  /// The machine's name, or `localhost` when it has none that a URL could hold.
  static var ofThisMachine: String {
    let name = ProcessInfo.processInfo.hostName
    return (try? Host(name)).map(\.text) ?? "localhost"
  }
}

extension WallClockTime {
  /// The time on the system's clock.
  static var now: WallClockTime {
    WallClockTime(secondsSince1970: Int64(Date.now.timeIntervalSince1970))
  }
}
