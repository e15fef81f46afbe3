internal import Foundation

/// The file that tells scripts that a role is ready, and where (`--ready-file`).
///
/// It appears in one step, readable by its owner only because it holds the join URL, and is removed
/// when the role ends.
struct ReadyFile: Sendable {
  /// The contents; the names of the keys are a contract with scripts.
  struct Contents: Codable, Equatable {
    struct Address: Codable, Equatable {
      var address: String
      var port: Int
    }

    struct Entry: Codable, Equatable {
      var mode: String
      var address: String
      var port: Int
    }

    /// `server` or `provider`.
    var role: String
    /// The first token's join URL; `nil` when its file was deleted, and of a provider.
    var join: String?
    /// A server's own port for providers; the one that a provider has dialled.
    var control: Address
    var entries: [Entry]
    var pid: Int32

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(role, forKey: .role)
      // Written as null, so that a script finds the key.
      if role == "server" { try container.encode(join, forKey: .join) }
      try container.encode(control, forKey: .control)
      try container.encode(entries, forKey: .entries)
      try container.encode(pid, forKey: .pid)
    }
  }

  let path: String

  /// Writes the file, replacing one that is there.
  ///
  /// - Parameter contents: Has a `pid`, that of this process.
  /// - Throws: ``CommandFailure`` when the folder can't be written.
  func write(_ contents: some Encodable) throws(CommandFailure) {
    let temporary = "\(path).\(getpid()).new"
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      let data = try encoder.encode(contents) + Data("\n".utf8)
      try Self.create(temporary, data)
    } catch {
      unlink(temporary)
      throw CommandFailure(.configuration, "can't write the ready file \(path): \(error)")
    }
    guard rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw CommandFailure(.configuration, "can't write the ready file \(path): \(reason)")
    }
  }

  /// Removes the file, if this process wrote it.
  func remove() {
    guard let data = FileManager.default.contents(atPath: path),
      let writer = try? JSONDecoder().decode(Writer.self, from: data), writer.pid == getpid()
    else { return }
    unlink(path)
  }

  private struct Writer: Decodable {
    var pid: Int32
  }

  /// Creates a file that nobody else can read at any moment.
  private static func create(_ path: String, _ data: Data) throws {
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).write(contentsOf: data)
  }
}
