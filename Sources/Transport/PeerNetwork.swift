package import enum NIOCore.SocketAddress

/// What is taken for one stranger: an IPv4 address, or an IPv6 network of 64 bits, of which a
/// single machine can take any address.
package struct PeerNetwork: Sendable, Hashable {
  private let prefix: [UInt8]

  package init(_ address: SocketAddress?) {
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
