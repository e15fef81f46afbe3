import Foundation

/// What the kernel knows of this machine's connections.
enum Sockets {
  /// Connections with `port` at either end that some process still holds open.
  static func connections(onPort port: Int) throws -> Int {
    // Not by String(contentsOfFile:), which stops after a page of a file without a size.
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/net/tcp"))
    let table = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
    let suffix = ":" + String(format: "%04X", port)
    return table.split(separator: "\n").dropFirst().filter { line in
      let fields = line.split(separator: " ")
      guard fields.count > 9 else { return false }
      // Listening, and waiting without a process, do not count.
      let isHeld = fields[3] != "0A" && fields[9] != "0"
      return isHeld && (fields[1].hasSuffix(suffix) || fields[2].hasSuffix(suffix))
    }.count
  }
}
