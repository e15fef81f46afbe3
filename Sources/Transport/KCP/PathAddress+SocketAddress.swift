import HawserSecureDatagram
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension PathAddress {
  /// - Parameters:
  ///   - address: Of IPv4 or IPv6; `nil` is returned for others.
  ///   - socket: Which of our sockets leads there.
  init?(_ address: SocketAddress, through socket: UInt16) {
    switch address {
    case .v4(let v4):
      var host = v4.address.sin_addr
      let bytes = withUnsafeBytes(of: &host) { Array($0) }
      self.init(host: bytes, port: UInt16(clamping: address.port ?? 0), socket: socket)
    case .v6(let v6):
      var host = v6.address.sin6_addr
      let bytes = withUnsafeBytes(of: &host) { Array($0) }
      self.init(
        host: bytes,
        port: UInt16(clamping: address.port ?? 0),
        scope: v6.address.sin6_scope_id,
        socket: socket
      )
    case .unixDomainSocket: return nil
    }
  }
}

extension SocketAddress {
  /// The system's form; an IPv4 address stays one.
  init?(_ path: PathAddress) {
    if let host = path.ipv4Host {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = path.port.bigEndian
      withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: host) }
      self.init(address)
    } else {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = path.port.bigEndian
      address.sin6_scope_id = path.scope
      withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: path.ipv6Host) }
      self.init(address)
    }
  }
}
