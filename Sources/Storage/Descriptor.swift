internal import Foundation

/// Owns a file descriptor and closes it.
struct Descriptor: ~Copyable {
  private let number: Int32

  /// Opens an existing file for reading; `nil` when there is none.
  init?(opening path: String) throws(StorageError) {
    // Non-blocking, lest a pipe in the file's place hold us up.
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if number < 0, errno == ENOENT { return nil }
    self.number = try Self.checked(number, operation: "open", path: path)
  }

  /// Makes a file of mode 0600 that must not exist, for writing.
  init(creating path: String) throws(StorageError) {
    let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    self.number = try Self.checked(number, operation: "create", path: path)
  }

  /// Opens an existing file for writing; not through a symbolic link, which could lead root to a
  /// file outside the directory.
  init(openingForWriting path: String) throws(StorageError) {
    let number = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
    self.number = try Self.checked(number, operation: "open", path: path)
  }

  /// Opens a directory, to lock or synchronise it.
  init(directory path: String) throws(StorageError) {
    let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    self.number = try Self.checked(number, operation: "open", path: path)
  }

  deinit {
    close(number)
  }

  func status(of path: String) throws(StorageError) -> stat {
    var status = stat()
    guard fstat(number, &status) == 0 else {
      throw .system(operation: "examine", path: path, code: errno)
    }
    return status
  }

  /// The number of bytes read, 0 at the end, or −1 with `errno` set.
  func nextChunk(into chunk: inout [UInt8]) -> Int {
    read(number, &chunk, chunk.count)
  }

  /// Writes all of `contents` and waits until the disk has them.
  func store(_ contents: [UInt8], at path: String) throws(StorageError) {
    var rest = contents[...]
    while !rest.isEmpty {
      let chunk = Array(rest)
      let result = write(number, chunk, chunk.count)
      if result < 0 {
        if errno == EINTR { continue }
        throw .system(operation: "write", path: path, code: errno)
      }
      rest = rest.dropFirst(result)
    }
    try synchronise(path)
  }

  func synchronise(_ path: String) throws(StorageError) {
    guard fsync(number) == 0 else {
      throw .system(operation: "synchronise", path: path, code: errno)
    }
  }

  /// Gives the file to the directory's owner when we are root, who may run the command line for a
  /// server that runs as another user.
  func takeOwner(of directory: StateDirectory) throws(StorageError) {
    guard geteuid() == 0 else { return }
    var status = stat()
    guard stat(directory.path, &status) == 0, fchown(number, status.st_uid, status.st_gid) == 0
    else { throw .system(operation: "change the owner inside", path: directory.path, code: errno) }
  }

  /// Opens a file of a directory for writing, its contents untouched, or makes it with mode 0600.
  ///
  /// A file that exists is closed to everybody but its owner.
  static func openOrCreate(
    _ path: String,
    in directory: StateDirectory
  ) throws(StorageError) -> Descriptor {
    do throws(StorageError) {
      let descriptor = try Descriptor(creating: path)
      try descriptor.takeOwner(of: directory)
      return descriptor
    } catch {
      guard case .system(_, _, code: EEXIST) = error else { throw error }
    }
    let descriptor = try Descriptor(openingForWriting: path)
    guard try descriptor.status(of: path).st_mode & 0o077 != 0 else { return descriptor }
    guard fchmod(descriptor.number, 0o600) == 0 else {
      throw .system(operation: "change the mode of", path: path, code: errno)
    }
    return descriptor
  }

  /// Waits for the advisory lock, which is given back when the descriptor is closed.
  func lock(_ path: String) throws(StorageError) {
    while flock(number, LOCK_EX) != 0 {
      guard errno == EINTR else { throw .system(operation: "lock", path: path, code: errno) }
    }
  }

  /// Gives the advisory lock back.
  func unlock() {
    flock(number, LOCK_UN)
  }

  /// Takes the advisory lock if nobody has it.
  func tryLock(_ path: String) throws(StorageError) -> Bool {
    if flock(number, LOCK_EX | LOCK_NB) == 0 { return true }
    guard errno == EWOULDBLOCK else { throw .system(operation: "lock", path: path, code: errno) }
    return false
  }

  private static func checked(
    _ number: Int32,
    operation: String,
    path: String
  ) throws(StorageError) -> Int32 {
    guard number >= 0 else { throw .system(operation: operation, path: path, code: errno) }
    return number
  }
}
