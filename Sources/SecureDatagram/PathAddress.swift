/// The far end of a path, and which of our own sockets leads there.
///
/// The core compares addresses, binds cookies to them and hands them back with what is to be sent;
/// it never looks inside but to tell a change of port from a change of address.
package struct PathAddress: Sendable, Hashable, CustomStringConvertible {
  private let high: UInt64
  private let low: UInt64
  package let scope: UInt32
  /// The UDP port.
  package let port: UInt16
  /// Which of the caller's sockets it is reached by; the peer knows nothing of it.
  package let socket: UInt16

  /// - Parameters:
  ///   - host: Four bytes of IPv4 or 16 of IPv6; `nil` is returned for any other number. An IPv4
  ///     address is the same as the IPv6 address that a dual-stack socket shows for it.
  ///   - port: The UDP port.
  ///   - scope: The zone of a link-local address, 0 for others.
  ///   - socket: The caller's number for its own socket.
  package init?(
    host: some Collection<UInt8>,
    port: UInt16,
    scope: UInt32 = 0,
    socket: UInt16 = 0
  ) {
    let word = { (bytes: any Collection<UInt8>) in bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    switch host.count {
    case 4:
      high = 0
      low = 0xFFFF_0000_0000 | word(host)
    case 16:
      high = word(host.prefix(8))
      low = word(host.dropFirst(8))
    default: return nil
    }
    self.port = port
    self.scope = scope
    self.socket = socket
  }

  private init(high: UInt64, low: UInt64, scope: UInt32, port: UInt16, socket: UInt16) {
    self.high = high
    self.low = low
    self.scope = scope
    self.port = port
    self.socket = socket
  }

  /// The same far end through another of our sockets.
  package func through(socket: UInt16) -> PathAddress {
    PathAddress(high: high, low: low, scope: scope, port: port, socket: socket)
  }

  /// Whether only the port differs: a translator on the way has forgotten us, the network beneath
  /// is the same.
  func hasSameHost(as other: PathAddress) -> Bool {
    high == other.high && low == other.low && scope == other.scope && socket == other.socket
  }

  /// The host alone, for limits by host.
  var host: PathAddress {
    PathAddress(high: high, low: low, scope: scope, port: 0, socket: 0)
  }

  /// What a cookie is bound to: host, zone and port, 22 bytes.
  var cookieInput: [UInt8] {
    let words = [high, low, UInt64(scope) << 16 | UInt64(port)]
    let bytes = words.flatMap { word in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
    }
    return Array(bytes.prefix(16) + bytes.suffix(6))
  }

  /// An IPv4 address as a number; `nil` for IPv6.
  package var ipv4Host: UInt32? {
    high == 0 && low >> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil
  }

  /// The address as one of IPv6, in two halves.
  package var ipv6Host: (high: UInt64, low: UInt64) { (high, low) }

  /// For logs: IPv4 in decimal, IPv6 as eight groups.
  package var description: String {
    if high == 0, low >> 32 == 0xFFFF {
      let parts = stride(from: 24, through: 0, by: -8).map { String(low >> $0 & 0xFF) }
      return "\(parts.joined(separator: ".")):\(port)"
    }
    let groups = [high, low].flatMap { word in
      stride(from: 48, through: 0, by: -16).map { String(word >> $0 & 0xFFFF, radix: 16) }
    }
    return "[\(groups.joined(separator: ":"))]:\(port)"
  }
}
