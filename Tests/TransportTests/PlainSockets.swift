import Glibc
import Testing

/// Connections that say nothing, on sockets of the system; closed with the object.
final class PlainSockets {
  private var descriptors: [CInt] = []

  deinit {
    for descriptor in descriptors { close(descriptor) }
  }

  /// Connects to a port of 127.0.0.1.
  ///
  /// - Parameters:
  ///   - port: Where somebody listens.
  ///   - source: The last two bytes of the address in 127.0.0.0/16 to connect from; the kernel's
  ///     choice when `nil`.
  /// - Throws: With the system's error number, when there is no connection.
  func connect(to port: Int, from source: UInt16? = nil) throws {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0, "no socket: errno \(errno)")
    descriptors.append(descriptor)
    if let source {
      let result = Self.with(0x7F00_0000 | UInt32(source), port: 0) { bind(descriptor, $0, $1) }
      try #require(result == 0, "not bound: errno \(errno)")
    }
    let result = Self.with(0x7F00_0001, port: port) { Glibc.connect(descriptor, $0, $1) }
    try #require(result == 0, "not connected: errno \(errno)")
  }

  private static func with(
    _ host: UInt32,
    port: Int,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
  ) -> CInt {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(host).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
