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
    let port = UInt16(clamping: address.port ?? 0)
    switch address {
    case .v4(let v4):
      let host = UInt32(bigEndian: v4.address.sin_addr.s_addr).bytes
      self.init(host: host, port: port, socket: socket)
    case .v6(let v6):
      let words = v6.address.sin6_addr.words
      let host = [words.0, words.1, words.2, words.3].flatMap { UInt32(bigEndian: $0).bytes }
      self.init(host: host, port: port, scope: v6.address.sin6_scope_id, socket: socket)
    case .unixDomainSocket: return nil
    }
  }
}

extension SocketAddress {
  /// The system's form; an IPv4 address stays one.
  init(_ path: PathAddress) {
    if let host = path.ipv4Host {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = path.port.bigEndian
      address.sin_addr.s_addr = host.bigEndian
      self.init(address)
    } else {
      let host = path.ipv6Host
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = path.port.bigEndian
      address.sin6_scope_id = path.scope
      address.sin6_addr.words = (
        UInt32(truncatingIfNeeded: host.high >> 32).bigEndian,
        UInt32(truncatingIfNeeded: host.high).bigEndian,
        UInt32(truncatingIfNeeded: host.low >> 32).bigEndian,
        UInt32(truncatingIfNeeded: host.low).bigEndian
      )
      self.init(address)
    }
  }
}

extension in6_addr {
  /// Its four words, in network byte order.
  fileprivate var words: (UInt32, UInt32, UInt32, UInt32) {
    get {
      #if canImport(Darwin)
      __u6_addr.__u6_addr32
      #else
      __in6_u.__u6_addr32
      #endif
    }
    set {
      #if canImport(Darwin)
      __u6_addr.__u6_addr32 = newValue
      #else
      __in6_u.__u6_addr32 = newValue
      #endif
    }
  }
}

extension UInt32 {
  /// Its bytes, the highest first.
  fileprivate var bytes: [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) }
  }
}
