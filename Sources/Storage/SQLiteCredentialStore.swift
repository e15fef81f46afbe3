internal import GRDB
package import HawserCredentials
package import HawserPrimitives

/// Keeps token records in an SQLite database that several processes may use at once.
///
/// Write-ahead logging lets the server read while the command line writes. Nothing is cached, so a
/// change by another process is seen by the next call. One connection is enough: a look-up takes
/// microseconds and is made once for each new session.
package struct SQLiteCredentialStore: CredentialStore {
  /// How long a write waits for that of another process, in seconds.
  private static let busyTimeout = 5.0

  private let database: DatabaseQueue

  /// Opens the database, and makes or migrates it if need be.
  ///
  /// The caller holds the directory's lock, since two processes must not migrate at once.
  init(path: String, in directory: StateDirectory) throws(StorageError) {
    // SQLite gives its log and index files the mode and the owner of the database.
    _ = try Descriptor.openOrCreate(path, in: directory)
    do {
      var configuration = Configuration()
      configuration.journalMode = .wal
      configuration.busyMode = .timeout(Self.busyTimeout)
      let database = try DatabaseQueue(path: path, configuration: configuration)
      // A revocation must not be undone by a loss of power.
      try database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      let migrator = Self.migrator
      guard try database.read({ try !migrator.hasBeenSuperseded($0) }) else {
        throw StorageError.storeTooNew(path: path)
      }
      try migrator.migrate(database)
      self.database = database
    } catch let error as StorageError {
      throw error
    } catch {
      throw .storeUnavailable(path: path, reason: "\(error)")
    }
  }

  package func find(_ id: TokenID) async throws(CredentialsError) -> TokenRecord? {
    try await translatingErrors {
      try await database.read { try TokenRow.find(id, in: $0) }
    }
  }

  package func insert(_ record: TokenRecord) async throws(CredentialsError) {
    try await translatingErrors {
      try await database.write { try TokenRow.insert(record, into: $0) }
    }
  }

  package func revoke(
    _ id: TokenID,
    at now: WallClockTime
  ) async throws(CredentialsError) -> Revocation {
    try await translatingErrors {
      try await database.write { try TokenRow.revoke(id, at: now, in: $0) }
    }
  }

  package func list() async throws(CredentialsError) -> [TokenRecord] {
    try await translatingErrors {
      try await database.read { try TokenRow.all(in: $0) }
    }
  }

  package func unusable(
    among ids: Set<TokenID>,
    at now: WallClockTime
  ) async throws(CredentialsError) -> Set<TokenID> {
    guard !ids.isEmpty else { return [] }
    return try await translatingErrors {
      let usable = try await database.read { try TokenRow.usableIDs(at: now, in: $0) }
      return ids.subtracting(usable)
    }
  }

  private func translatingErrors<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws(CredentialsError) -> Result {
    do {
      return try await body()
    } catch let error as CredentialsError {
      throw error
    } catch {
      throw .storeUnavailable(reason: "\(error)")
    }
  }
}

/// For the first start, which holds the directory's lock and must not suspend.
extension SQLiteCredentialStore {
  func isEmpty() throws(StorageError) -> Bool {
    try translatingErrors { try database.read { try TokenRow.isEmpty(in: $0) } }
  }

  func findNow(_ id: TokenID) throws(StorageError) -> TokenRecord? {
    try translatingErrors { try database.read { try TokenRow.find(id, in: $0) } }
  }

  func insertFirst(_ record: TokenRecord) throws(StorageError) {
    try translatingErrors { try database.write { try TokenRow.insert(record, into: $0) } }
  }

  private func translatingErrors<Result>(_ body: () throws -> Result) throws(StorageError) -> Result
  {
    do {
      return try body()
    } catch {
      throw .storeUnavailable(path: database.path, reason: "\(error)")
    }
  }
}

extension SQLiteCredentialStore {
  /// Each migration runs once; a published one is never changed, later ones are added.
  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 tokens") { database in
      try database.execute(
        sql: """
          CREATE TABLE token (
            id TEXT PRIMARY KEY NOT NULL,
            secretHash BLOB NOT NULL CHECK (length(secretHash) = 32),
            user TEXT NOT NULL,
            scopes TEXT NOT NULL,
            domains TEXT NOT NULL,
            ports TEXT NOT NULL,
            maximumSessions INTEGER NOT NULL,
            createdAt INTEGER NOT NULL,
            expiresAt INTEGER,
            revokedAt INTEGER
          ) STRICT
          """
      )
    }
    return migrator
  }
}
