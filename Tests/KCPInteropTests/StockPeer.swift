import ChildProcess
import Foundation

/// The original implementation in a process of its own (`kcp_peer.py`), and a UDP socket to it.
final class StockPeer {
  private let process: ChildProcess
  private let folder: String
  private let descriptor: Int32

  enum Failure: Error {
    /// `Scripts/setup` makes the interpreter with PyPI's package.
    case notInstalled(String)
    case notStarted(String)
    case noSocket
  }

  /// `mode`: "message" or "stream".
  init(conversationID: UInt32, mode: String, window: Int) throws {
    let repository = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let variable = ProcessInfo.processInfo.environment["HAWSER_KCP_PYTHON"]
    let python = variable ?? "\(repository)/.build/kcp-peer/bin/python"
    guard FileManager.default.isExecutableFile(atPath: python) else {
      throw Failure.notInstalled(python)
    }
    folder =
      FileManager.default.temporaryDirectory
      .appending(path: "kcp-peer-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    process = try ChildProcess(
      python,
      ["\(repository)/Tests/KCPInteropTests/kcp_peer.py", "\(conversationID)", mode, "\(window)"],
      environment: ["PATH": "/usr/bin:/bin"],
      folder: folder,
      output: "\(folder)/port",
      errors: "\(folder)/errors"
    )
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw Failure.noSocket }
    var size = Int32(4 << 20)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = try port().bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw Failure.noSocket }
  }

  /// Ends the process, and says what it complained of.
  func end() -> String {
    send(Array("end".utf8))
    if process.wait(within: .seconds(5)) == nil { process.kill() }
    close(descriptor)
    let complaints = (try? String(contentsOfFile: "\(folder)/errors", encoding: .utf8)) ?? ""
    try? FileManager.default.removeItem(atPath: folder)
    return complaints
  }

  var isRunning: Bool { process.isRunning }

  /// Sends a datagram; one that the kernel has no room for is lost, as datagrams are.
  func send(_ datagram: [UInt8]) {
    _ = Foundation.send(descriptor, datagram, datagram.count, Int32(MSG_DONTWAIT))
  }

  /// Waits for datagrams until a time, and takes all that are there.
  func receive(within limit: Duration) -> [[UInt8]] {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    let milliseconds = Int32(max(0, (limit / .milliseconds(1)).rounded(.up)))
    guard poll(&waiting, 1, milliseconds) > 0 else { return [] }
    var datagrams: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while datagrams.count < 256 {
      let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { break }
      datagrams.append(Array(buffer.prefix(count)))
    }
    return datagrams
  }

  /// The port that the process prints when it is ready.
  private func port() throws -> UInt16 {
    let limit = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < limit, process.isRunning {
      let text = (try? String(contentsOfFile: "\(folder)/port", encoding: .utf8)) ?? ""
      if text.hasSuffix("\n"), let port = UInt16(text.dropLast()) { return port }
      // Nothing tells when a file has been written.
      poll(nil, 0, 5)
    }
    let errors = try? String(contentsOfFile: "\(folder)/errors", encoding: .utf8)
    throw Failure.notStarted(errors ?? "")
  }
}
