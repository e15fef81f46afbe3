internal import Foundation
internal import HawserCryptography

/// A small file of mode 0600 that is there whole or not at all.
struct PrivateFile {
  let path: String

  /// The largest file that is read, in bytes: many times what we write.
  private static let maximumSize = 4096

  /// The contents, or `nil` when there is no such file.
  ///
  /// Refuses a file that others can read: what it holds may be known already.
  func read() throws(StorageError) -> [UInt8]? {
    guard let descriptor = try Descriptor(opening: path) else { return nil }
    let status = try descriptor.status(of: path)
    guard status.st_mode & S_IFMT == S_IFREG else { throw .fileCorrupted(path: path) }
    guard status.st_mode & 0o077 == 0 else { throw .fileReadableByOthers(path: path) }
    var contents = [UInt8](repeating: 0, count: Self.maximumSize + 1)
    var count = 0
    while count < contents.count {
      var chunk = [UInt8](repeating: 0, count: contents.count - count)
      let result = descriptor.nextChunk(into: &chunk)
      if result < 0 {
        if errno == EINTR { continue }
        throw .system(operation: "read", path: path, code: errno)
      }
      if result == 0 { break }
      contents.replaceSubrange(count..<count + result, with: chunk.prefix(result))
      count += result
    }
    guard count <= Self.maximumSize else { throw .fileCorrupted(path: path) }
    return Array(contents.prefix(count))
  }

  /// Writes a new file.
  ///
  /// - Throws: ``StorageError/system(operation:path:code:)`` with `EEXIST` when there is one: it is
  ///   never overwritten.
  func create(_ contents: [UInt8], in directory: StateDirectory) throws(StorageError) {
    let temporary = try writeTemporary(contents, in: directory)
    defer { unlink(temporary) }
    guard link(temporary, path) == 0 else {
      throw .system(operation: "create", path: path, code: errno)
    }
    try directory.synchronise()
  }

  /// Writes the file, over an earlier one too.
  func replace(with contents: [UInt8], in directory: StateDirectory) throws(StorageError) {
    let temporary = try writeTemporary(contents, in: directory)
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw .system(operation: "replace", path: path, code: code)
    }
    try directory.synchronise()
  }

  private func writeTemporary(
    _ contents: [UInt8],
    in directory: StateDirectory
  ) throws(StorageError) -> String {
    var generator = SecureRandom()
    let temporary = "\(path).\(String(generator.next(), radix: 36)).new"
    let descriptor = try Descriptor(creating: temporary)
    do throws(StorageError) {
      try descriptor.takeOwner(of: directory)
      try descriptor.store(contents, at: temporary)
    } catch {
      unlink(temporary)
      throw error
    }
    return temporary
  }
}
