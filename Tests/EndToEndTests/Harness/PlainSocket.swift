import Foundation
import Synchronization

/// A blocking TCP socket, as plain as a client's or a target's own: what the kernel reports is what
/// the test sees, an end of stream here and a reset there.
final class PlainSocket: Sendable {
  /// What a read brought.
  enum Received: Equatable {
    case bytes([UInt8])
    /// The other side will send no more.
    case end
    /// The connection was reset.
    case reset
  }

  private let descriptor: Int32
  /// A closed descriptor may be another socket's by now, so nobody shuts one down unasked.
  private let isOpen = Mutex(true)

  /// Takes over a connected descriptor.
  init(descriptor: Int32, patience: Duration = .seconds(60)) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: Int(patience / .seconds(1)), tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    var yes: Int32 = 1
    setsockopt(
      descriptor,
      Int32(IPPROTO_TCP),
      TCP_NODELAY,
      &yes,
      socklen_t(MemoryLayout<Int32>.size)
    )
  }

  /// Connects to a port of this machine.
  convenience init(port: Int, patience: Duration = .seconds(60)) throws {
    let descriptor = socket(AF_INET, streamSocket, 0)
    guard descriptor >= 0 else { throw SocketFailure("socket") }
    var address = loopback(port)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      let failure = SocketFailure("connect to port \(port)")
      Foundation.close(descriptor)
      throw failure
    }
    self.init(descriptor: descriptor, patience: patience)
  }

  deinit { close() }

  /// Sends all of it.
  func write(_ bytes: some Collection<UInt8>) throws {
    try Array(bytes).withUnsafeBytes { buffer in
      var sent = 0
      while sent < buffer.count {
        let rest = UnsafeRawBufferPointer(rebasing: buffer[sent...])
        let count = send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        guard count > 0 else { throw SocketFailure("send") }
        sent += count
      }
    }
  }

  /// Sends text.
  func write(_ text: String) throws { try write(text.utf8) }

  /// Waits for some bytes, an end or a reset.
  func read(upTo limit: Int = 65_536) throws -> Received {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = recv(descriptor, &buffer, limit, 0)
    if count > 0 { return .bytes(Array(buffer.prefix(count))) }
    if count == 0 { return .end }
    if errno == ECONNRESET || errno == EPIPE { return .reset }
    throw SocketFailure("recv")
  }

  /// Waits for that many bytes.
  func read(exactly count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      switch try read(upTo: count - bytes.count) {
      case .bytes(let more): bytes += more
      case .end:
        throw SocketFailure("end of stream after \(bytes.count) of \(count) bytes", code: 0)
      case .reset: throw SocketFailure("reset after \(bytes.count) of \(count) bytes", code: 0)
      }
    }
    return bytes
  }

  /// Everything until the end or a reset, and which of the two it was.
  func readAll() throws -> (bytes: [UInt8], end: Received) {
    var bytes: [UInt8] = []
    while true {
      switch try read() {
      case .bytes(let more): bytes += more
      case let end: return (bytes, end)
      }
    }
  }

  /// Blocks until the connection is reset, without reading: what was sent stays unread.
  func awaitReset() {
    // A reset is reported without being asked for.
    var poll = pollfd(fd: descriptor, events: 0, revents: 0)
    while Foundation.poll(&poll, 1, 120_000) < 0, errno == EINTR {}
  }

  /// Sends no more, still reads.
  func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes; once.
  func close() {
    isOpen.withLock { isOpen in
      if isOpen { Foundation.close(descriptor) }
      isOpen = false
    }
  }

  /// Has the kernel hold little that is not sent yet.
  func limitSendBuffer() {
    var size = Int32(16_384)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Closes with a reset, as a client that crashed.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    let size = socklen_t(MemoryLayout.size(ofValue: linger))
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
    close()
  }

  /// Wakes a thread that reads or writes here.
  func abandon() {
    isOpen.withLock { isOpen in
      if isOpen { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
  }
}

/// A call to the kernel that failed.
struct SocketFailure: Error, CustomStringConvertible {
  let description: String
  /// Whether the other side, or what is between, reset the connection.
  let isReset: Bool

  init(_ call: String, code: Int32 = errno) {
    isReset = code == ECONNRESET || code == EPIPE
    description = code == 0 ? call : "\(call): \(String(cString: strerror(code)))"
  }
}

/// Descriptors that the processes under test must not inherit.
let streamSocket = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

/// An address on this machine.
func loopback(_ port: Int) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = in_port_t(UInt16(port)).bigEndian
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  return address
}
