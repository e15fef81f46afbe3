internal import Foundation
package import HawserCredentials
package import HawserCryptography
package import HawserPrimitives

/// The directory in which a server keeps what must survive it:
///
///     identity             the Ed25519 seed and the knock secret, 0600, never overwritten
///     credentials.sqlite   the records of tokens, 0600, with SQLite's -wal and -shm beside it
///     first-token          the text of the token made at first start, 0600; may be deleted
///     public-endpoint      the host and port that join URLs name, 0600
///     admin.sock           the administration socket, while a server runs
///     server.lock          held by the server that runs
///
/// It is made with mode 0700. One that exists keeps its mode, but others must not be able to write
/// to it.
package struct StateDirectory: Sendable {
  package let path: String

  /// Opens a directory, and makes it and its parents if need be.
  ///
  /// - Parameter path: Absolute, or relative to the working directory.
  /// - Throws: ``StorageError``.
  package init(creatingAt path: String) throws(StorageError) {
    try Self.make(path)
    try self.init(existingAt: path)
  }

  /// Opens a directory that must exist.
  ///
  /// - Parameter path: Absolute, or relative to the working directory.
  /// - Throws: ``StorageError``.
  package init(existingAt path: String) throws(StorageError) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT { throw .directoryMissing(path: path) }
      throw .system(operation: "examine", path: path, code: errno)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(path: path) }
    guard status.st_uid == geteuid() || geteuid() == 0 else {
      throw .directoryOfAnotherUser(path: path)
    }
    guard status.st_mode & 0o022 == 0 else { throw .directoryWritableByOthers(path: path) }
    let length = adminSocketPath.utf8.count
    guard length <= UnixSocketPath.maximumLength else {
      throw .directoryPathTooLong(
        path: path,
        length: length,
        maximum: UnixSocketPath.maximumLength
      )
    }
  }

  /// Where a running server answers administration requests; short enough for a socket.
  package var adminSocketPath: String { file("admin.sock") }

  /// The server's identity, or `nil` before its first start.
  ///
  /// - Throws: ``StorageError/identityCorrupted(path:reason:)`` among others.
  package func identity() throws(StorageError) -> ServerIdentity? {
    try IdentityFile(in: self).read()
  }

  /// The token made at first start, or `nil` when its file was deleted; it may have been revoked.
  package func firstToken() throws(StorageError) -> Token? {
    guard let contents = try firstTokenFile.read() else { return nil }
    do throws(CredentialsError) {
      return try Token(text: firstLine(of: contents))
    } catch {
      throw .fileCorrupted(path: firstTokenFile.path)
    }
  }

  /// Opens the credential store, and makes it if need be.
  package func openCredentialStore() throws(StorageError) -> SQLiteCredentialStore {
    try whileLocked { () throws(StorageError) in
      try SQLiteCredentialStore(path: file("credentials.sqlite"), in: self)
    }
  }

  /// The identity that join URLs name; drawn first if the directory is new.
  ///
  /// - Parameter store: The directory's store.
  /// - Returns: The identity.
  /// - Throws: ``StorageError/identityMissing(path:)`` when there are tokens but no identity.
  package func prepareIdentity(
    beside store: SQLiteCredentialStore
  ) throws(StorageError) -> ServerIdentity {
    try whileLocked { () throws(StorageError) in try prepareIdentityWhileLocked(beside: store) }
  }

  /// Makes the directory ready for a server, which must keep the returned state while it runs.
  ///
  /// With an empty store a first token is made, of the user ``UserName/firstUser`` and with the
  /// scopes `connect` and `forward`: enough to use the server, not to administer it, which its
  /// operator does through the socket.
  ///
  /// - Parameter now: The time of creation that the first token gets.
  /// - Returns: What the server starts with.
  /// - Throws: ``StorageError/inUse(path:)`` when another server runs here, among others.
  package func prepareServer(at now: WallClockTime) throws(StorageError) -> ServerState {
    let serverLock = try ServerLock(path: file("server.lock"), of: self)
    let store = try openCredentialStore()
    return try whileLocked { () throws(StorageError) in
      let isFirstStart = try store.isEmpty()
      let identity = try prepareIdentityWhileLocked(beside: store)
      if isFirstStart { try makeFirstToken(in: store, at: now) }
      return ServerState(
        identity: identity,
        store: store,
        firstToken: try usableFirstToken(in: store, at: now),
        isFirstStart: isFirstStart,
        lock: serverLock
      )
    }
  }

  /// Keeps the host and port that join URLs name, for the command line.
  package func writePublicEndpoint(_ endpoint: HostAndPort) throws(StorageError) {
    let port = endpoint.port.map { ":\($0)" } ?? ""
    try publicEndpointFile.replace(with: Array("\(endpoint.host)\(port)\n".utf8), in: self)
  }

  /// The host and port that join URLs named when a server last ran, or `nil` before that.
  package func publicEndpoint() throws(StorageError) -> HostAndPort? {
    guard let contents = try publicEndpointFile.read() else { return nil }
    do throws(HostError) {
      return try HostAndPort(firstLine(of: contents))
    } catch {
      throw .fileCorrupted(path: publicEndpointFile.path)
    }
  }

  /// The path of a file inside.
  func file(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

  /// Waits until the disk has the directory's entries.
  func synchronise() throws(StorageError) {
    try Descriptor(directory: path).synchronise(path)
  }
}

/// What a server starts with; see ``StateDirectory/prepareServer(at:)``.
package struct ServerState: Sendable {
  package let identity: ServerIdentity
  package let store: SQLiteCredentialStore
  /// The first token while its file exists and it is neither revoked nor expired.
  package let firstToken: Token?
  /// Whether the store was empty.
  package let isFirstStart: Bool
  /// Keeps other servers out of the directory.
  private let lock: ServerLock

  fileprivate init(
    identity: ServerIdentity,
    store: SQLiteCredentialStore,
    firstToken: Token?,
    isFirstStart: Bool,
    lock: ServerLock
  ) {
    self.identity = identity
    self.store = store
    self.firstToken = firstToken
    self.isFirstStart = isFirstStart
    self.lock = lock
  }
}

/// Held from a server's start to its end; the system gives it back when the process dies.
private final class ServerLock: Sendable {
  private let descriptor: Descriptor

  init(path: String, of directory: StateDirectory) throws(StorageError) {
    descriptor = try Descriptor.openOrCreate(path, in: directory)
    guard try descriptor.tryLock(path) else { throw .inUse(path: directory.path) }
  }

  /// Closing alone would leave the lock with a child that was forked and has not executed yet.
  deinit {
    descriptor.unlock()
  }
}

extension StateDirectory {
  private var firstTokenFile: PrivateFile { PrivateFile(path: file("first-token")) }
  private var publicEndpointFile: PrivateFile { PrivateFile(path: file("public-endpoint")) }

  private func prepareIdentityWhileLocked(
    beside store: SQLiteCredentialStore
  ) throws(StorageError) -> ServerIdentity {
    let file = IdentityFile(in: self)
    if let identity = try file.read() { return identity }
    guard try store.isEmpty() else { throw .identityMissing(path: file.path) }
    let identity = ServerIdentity.generate()
    try file.create(identity)
    return identity
  }

  /// The file comes first: without a record it is worthless and the next start makes both anew,
  /// whereas a record whose token nobody knows could never be used.
  private func makeFirstToken(
    in store: SQLiteCredentialStore,
    at now: WallClockTime
  ) throws(StorageError) {
    var generator = SecureRandom()
    let token = Token(using: &generator)
    try firstTokenFile.replace(with: Array("\(token.text)\n".utf8), in: self)
    try store.insertFirst(
      TokenRecord(of: token, user: .firstUser, scopes: [.connect, .forward], createdAt: now)
    )
  }

  private func usableFirstToken(
    in store: SQLiteCredentialStore,
    at now: WallClockTime
  ) throws(StorageError) -> Token? {
    guard let token = try firstToken(), let record = try store.findNow(token.id),
      record.isUsable(at: now), constantTimeEqual(record.secretHash, token.secretHash)
    else { return nil }
    return token
  }

  /// Keeps other processes from making the same files at the same time.
  ///
  /// `body` can't suspend, which matters because waiting for the lock blocks the thread.
  private func whileLocked<Result>(
    _ body: () throws(StorageError) -> Result
  ) throws(StorageError) -> Result {
    let descriptor = try Descriptor(directory: path)
    try descriptor.lock(path)
    defer { descriptor.unlock() }
    return try body()
  }

  private func firstLine(of contents: [UInt8]) -> String {
    String(decoding: contents.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  private static func make(_ path: String) throws(StorageError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.dropLast().lastIndex(of: "/"), slash > path.startIndex
    else { throw .system(operation: "create", path: path, code: errno) }
    try makeParents(String(path[..<slash]))
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw .system(operation: "create", path: path, code: errno)
    }
  }

  private static func makeParents(_ path: String) throws(StorageError) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw .system(operation: "create", path: path, code: errno)
    }
    try makeParents(String(path[..<slash]))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw .system(operation: "create", path: path, code: errno)
    }
  }
}
