import enum NIOCore.SocketAddress

/// What is taken for one stranger: an IPv4 address, or an IPv6 network of 64 bits, of which a
/// single machine can take any address.
struct PeerNetwork: Hashable {
  private let prefix: [UInt8]

  init(_ address: SocketAddress?) {
    switch address {
    case .v4(let address):
      prefix = withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
    case .v6(let address):
      let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
      // ::ffff:a.b.c.d is an IPv4 peer of a listener on both.
      let isMapped = bytes.prefix(12).elementsEqual(Self.mappedPrefix)
      prefix = isMapped ? Array(bytes.suffix(4)) : Array(bytes.prefix(8))
    case .unixDomainSocket, nil:
      prefix = []
    }
  }

  private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
}

extension SocketAddress {
  /// `192.0.2.1:9887`, `[2001:db8::1]:9887`; of a Unix socket its path.
  var text: String {
    switch self {
    case .v4: "\(ipAddress ?? ""):\(port ?? 0)"
    case .v6: "[\(ipAddress ?? "")]:\(port ?? 0)"
    case .unixDomainSocket: pathname ?? ""
    }
  }
}
