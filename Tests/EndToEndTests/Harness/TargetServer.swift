import Foundation
import Synchronization

/// A TCP service on this machine whose behaviour is a closure, run on a thread per connection.
final class TargetServer: Sendable {
  /// Where it listens.
  let port: Int
  private let descriptor: Int32
  private let connections = Mutex<[PlainSocket]>([])
  private let open = Mutex(0)

  /// Listens on a free port, or on the one that is given.
  init(port wanted: Int = 0, _ serve: @escaping @Sendable (PlainSocket) throws -> Void) throws {
    let descriptor = socket(AF_INET, streamSocket, 0)
    var address = loopback(wanted)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && listen(descriptor, 1024) == 0
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard bound else {
      let failure = SocketFailure("bind")
      Foundation.close(descriptor)
      throw failure
    }
    self.descriptor = descriptor
    port = Int(in_port_t(bigEndian: address.sin_port))
    Thread.detachNewThread { self.accept(serve) }
  }

  /// Connections accepted so far.
  var connectionCount: Int { connections.withLock(\.count) }

  /// Connections whose service is not over yet.
  var openCount: Int { open.withLock(\.self) }

  /// Stops; whoever still reads is woken.
  func close() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    for connection in connections.withLock(\.self) { connection.abandon() }
  }

  private func accept(_ serve: @escaping @Sendable (PlainSocket) throws -> Void) {
    while true {
      let accepted = Foundation.accept(descriptor, nil, nil)
      guard accepted >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        Foundation.close(descriptor)
        return
      }
      _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
      let connection = PlainSocket(descriptor: accepted)
      connections.withLock { $0.append(connection) }
      open.withLock { $0 += 1 }
      Thread.detachNewThread {
        // A connection that breaks is what many of the tests are about: the client's side tells.
        try? serve(connection)
        connection.close()
        self.open.withLock { $0 -= 1 }
      }
    }
  }
}

extension TargetServer {
  /// Sends back what it gets, and ends when the client does.
  static func echo() throws -> TargetServer {
    try TargetServer { connection in
      while case .bytes(let bytes) = try connection.read() { try connection.write(bytes) }
    }
  }

  /// Greets every connection with a line, then sends back what it gets.
  static func greeting(_ line: String) throws -> TargetServer {
    try TargetServer { connection in
      try connection.write(line + "\n")
      while case .bytes(let bytes) = try connection.read() { try connection.write(bytes) }
    }
  }
}

extension Lab {
  /// Keeps a target until the end of the test.
  func keep(_ target: TargetServer) -> TargetServer {
    atEnd { target.close() }
    return target
  }

  /// A port on which nobody listens.
  ///
  /// From below the kernel's range for outgoing connections (32,768 and above), so that none of the
  /// thousands that other tests make takes it before the test does.
  func unusedPort() throws -> Int {
    for port in (20_000..<32_000).shuffled().prefix(100) {
      guard let target = try? TargetServer(port: port, { _ in }) else { continue }
      target.close()
      return port
    }
    throw SocketFailure("no port is free", code: 0)
  }
}

/// A service on a Unix socket that greets whoever comes and hangs up.
final class UnixGreeter: Sendable {
  /// The socket's path.
  let path: String
  private let descriptor: Int32

  init(path file: URL, greeting: String) throws {
    path = file.path(percentEncoded: false)
    descriptor = socket(AF_UNIX, streamSocket, 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes.prefix(107)) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard bound, listen(descriptor, 16) == 0 else { throw SocketFailure("bind \(path)") }
    Thread.detachNewThread { [descriptor] in
      while true {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else {
          Foundation.close(descriptor)
          return
        }
        let connection = PlainSocket(descriptor: accepted)
        try? connection.write(greeting)
        connection.finishWriting()
        _ = try? connection.readAll()
      }
    }
  }

  /// Stops.
  func close() {
    shutdown(descriptor, Int32(SHUT_RDWR))
  }
}

extension Lab {
  /// Keeps a target until the end of the test.
  func keep(_ target: UnixGreeter) -> UnixGreeter {
    atEnd { target.close() }
    return target
  }
}
