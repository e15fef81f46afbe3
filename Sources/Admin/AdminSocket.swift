#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The place of the administration socket, held by at most one process.
///
/// A lock beside the socket says whether its server lives: the kernel releases it when the process
/// dies, however that happens, so that a socket left behind can be replaced without a guess and
/// without a race between two servers that start together.
package struct AdminSocket: ~Copyable {
  /// The longest path that fits a `sockaddr_un` with its final zero, in bytes (unix(7)).
  package static let maximumPathLength = 107
  /// The name of the socket in a state directory.
  package static let fileName = "admin.sock"

  /// The path of the socket.
  package let path: String
  private let lock: Int32

  /// Takes the place `path` and removes a socket that a dead server left there.
  ///
  /// - Parameter path: In a folder that only the owner can write to.
  /// - Throws: ``AdminError``.
  package init(claiming path: String) throws(AdminError) {
    guard path.utf8.count <= Self.maximumPathLength else { throw .pathTooLong(path: path) }
    try Self.checkFolder(of: path)
    lock = try Self.takeLock(of: path)
    self.path = path
  }

  /// Lets only the owner use the socket bound at `path`.
  static func restrict(_ path: String) throws(AdminError) {
    guard chmod(path, 0o600) == 0 else {
      throw .system(operation: "chmod", path: path, code: errno)
    }
  }

  /// Gives the place up.
  deinit {
    unlink(path)
    close(lock)
  }

  private static func checkFolder(of path: String) throws(AdminError) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    var status = stat()
    guard stat(folder, &status) == 0 else {
      throw .system(operation: "stat", path: folder, code: errno)
    }
    guard status.st_mode & 0o022 == 0 else { throw .folderNotPrivate(path: folder) }
  }

  /// - Returns: The descriptor that holds the lock.
  private static func takeLock(of path: String) throws(AdminError) -> Int32 {
    let lockPath = path + ".lock"
    let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw .system(operation: "open", path: lockPath, code: errno) }
    do throws(AdminError) {
      guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
        throw errno == EWOULDBLOCK
          ? .socketInUse(path: path)
          : .system(operation: "flock", path: lockPath, code: errno)
      }
      try removeStaleSocket(path)
    } catch {
      close(lock)
      throw error
    }
    return lock
  }

  private static func removeStaleSocket(_ path: String) throws(AdminError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
    guard unlink(path) == 0 else { throw .system(operation: "unlink", path: path, code: errno) }
  }
}
