package import enum NIOCore.SocketAddress

extension SocketAddress {
  /// `192.0.2.1:9887`, `[2001:db8::1]:9887`; of a Unix socket its path.
  package var hostAndPort: String {
    switch self {
    case .v4: "\(ipAddress ?? ""):\(port ?? 0)"
    case .v6: "[\(ipAddress ?? "")]:\(port ?? 0)"
    case .unixDomainSocket: pathname ?? ""
    }
  }
}
