import Foundation
import HawserCredentials
import HawserPrimitives
import HawserStorage
import Testing

struct SQLiteCredentialStoreTests {
  private let folder = TemporaryDirectory()
  private let directory: StateDirectory
  private let store: SQLiteCredentialStore

  init() throws {
    directory = try StateDirectory(creatingAt: folder.path)
    store = try directory.openCredentialStore()
  }

  @Test
  func `a record comes back as it was inserted`() async throws {
    var record = try makeRecord()
    try await store.insert(record)
    #expect(try await store.find(record.id) == record)

    let full = TokenRecord(
      of: makeToken(),
      user: try UserName("berta@example.com"),
      scopes: [.connect, .forward, .admin],
      createdAt: .at(1)
    )
    record = full
    record.domains = [try Domain("example.com"), try Domain("a.example.org")]
    record.ports = try PortRange.parseList("80,2000-2999")
    record.maximumSessions = 3
    record.expiresAt = .at(100)
    record.revokedAt = .at(50)
    try await store.insert(record)
    #expect(try await store.find(record.id) == record)
  }

  @Test
  func `an unknown token is not found`() async throws {
    #expect(try await store.find(makeToken().id) == nil)
    #expect(try await store.list().isEmpty)
  }

  @Test
  func `an id can't be taken twice`() async throws {
    let token = makeToken()
    try await store.insert(try makeRecord(of: token))
    await #expect(throws: CredentialsError.tokenExists(token.id)) {
      try await store.insert(try makeRecord(of: token, createdAt: .at(9)))
    }
    #expect(try await store.find(token.id)?.createdAt == .at(0))
  }

  @Test
  func `revoking happens once and keeps its time`() async throws {
    let record = try makeRecord()
    #expect(try await store.revoke(record.id, at: .at(1)) == .unknownToken)
    try await store.insert(record)
    #expect(try await store.revoke(record.id, at: .at(2)) == .revoked)
    #expect(try await store.revoke(record.id, at: .at(3)) == .alreadyRevoked(.at(2)))
    #expect(try await store.find(record.id)?.revokedAt == .at(2))
  }

  @Test
  func `the list begins with the oldest and keeps revoked tokens`() async throws {
    let records = [
      try makeRecord(createdAt: .at(5)), try makeRecord(createdAt: .at(1)),
      try makeRecord(createdAt: .at(5)),
    ]
    for record in records { try await store.insert(record) }
    _ = try await store.revoke(records[0].id, at: .at(9))
    #expect(try await store.list().map(\.id) == [records[1].id, records[0].id, records[2].id])
  }

  @Test
  func `revocation, expiry and insertion by one store are seen by another at once`() async throws {
    let other = try StateDirectory(existingAt: folder.path).openCredentialStore()
    let record = try makeRecord()
    try await store.insert(record)
    #expect(try await other.find(record.id) == record)
    #expect(try await other.unusable(among: [record.id], at: .at(1)).isEmpty)
    _ = try await store.revoke(record.id, at: .at(2))
    #expect(try await other.find(record.id)?.revokedAt == .at(2))
    #expect(try await other.unusable(among: [record.id], at: .at(2)) == [record.id])
  }

  @Test
  func `unusable tokens are the revoked, the expired and the unknown ones`() async throws {
    let good = try makeRecord()
    var expiring = try makeRecord()
    expiring.expiresAt = .at(100)
    let revoked = try makeRecord()
    for record in [good, expiring, revoked] { try await store.insert(record) }
    _ = try await store.revoke(revoked.id, at: .at(1))
    let unknown = makeToken().id
    let all: Set = [good.id, expiring.id, revoked.id, unknown]
    #expect(try await store.unusable(among: all, at: .at(99)) == [revoked.id, unknown])
    #expect(try await store.unusable(among: all, at: .at(100)) == all.subtracting([good.id]))
    #expect(try await store.unusable(among: [], at: .at(100)).isEmpty)
  }

  @Test
  func `stores that write at the same time lose nothing`() async throws {
    let others = try (0..<3).map { _ in try directory.openCredentialStore() }
    let records = try (0..<200).map { _ in try makeRecord() }
    try await withThrowingTaskGroup { group in
      for (index, record) in records.enumerated() {
        let writer = ([store] + others)[index % 4]
        let reader = ([store] + others)[(index + 1) % 4]
        group.addTask {
          try await writer.insert(record)
          _ = try await reader.find(record.id)
          #expect(try await reader.revoke(record.id, at: .at(1)) == .revoked)
        }
      }
      try await group.waitForAll()
    }
    let listed = try await store.list()
    #expect(Set(listed.map(\.id)) == Set(records.map(\.id)))
    #expect(listed.allSatisfy { $0.revokedAt == .at(1) })
  }

  @Test
  func `stores that come and go while others write lose nothing`() async throws {
    let records = try (0..<60).map { _ in try makeRecord() }
    let directory = directory
    try await withThrowingTaskGroup { group in
      for record in records {
        group.addTask {
          let passing = try directory.openCredentialStore()
          try await passing.insert(record)
        }
      }
      try await group.waitForAll()
    }
    #expect(Set(try await store.list().map(\.id)) == Set(records.map(\.id)))
  }

  @Test
  func `records are there after the store was closed and opened again`() async throws {
    let record = try makeRecord()
    let path = TemporaryDirectory()
    do {
      let first = try StateDirectory(creatingAt: path.path).openCredentialStore()
      try await first.insert(record)
    }
    let second = try StateDirectory(existingAt: path.path).openCredentialStore()
    #expect(try await second.find(record.id) == record)
  }

  @Test
  func `the database and its log can be read by nobody else`() async throws {
    try await store.insert(try makeRecord())
    #expect(try folder.mode(of: "credentials.sqlite") == 0o600)
    #expect(try folder.mode(of: "credentials.sqlite-wal") == 0o600)
    #expect(try folder.mode(of: "credentials.sqlite-shm") == 0o600)
  }

  @Test
  func `a database that was opened to others is closed to them again`() throws {
    try folder.setMode(0o644, of: "credentials.sqlite")
    _ = try directory.openCredentialStore()
    #expect(try folder.mode(of: "credentials.sqlite") == 0o600)
  }

  @Test
  func `the secret of a token is not in the files`() async throws {
    let token = makeToken()
    try await store.insert(try makeRecord(of: token))
    for name in ["credentials.sqlite", "credentials.sqlite-wal"] {
      let contents = try Data(contentsOf: URL(fileURLWithPath: folder.file(name)))
      #expect(contents.range(of: Data(token.secret.revealedBytes)) == nil)
      #expect(contents.range(of: Data(token.text.dropFirst(9).utf8)) == nil)
    }
  }

  @Test
  func `what is no database is an error that names the file`() throws {
    let path = TemporaryDirectory()
    let directory = try StateDirectory(creatingAt: path.path)
    try path.write(String(repeating: "not a database ", count: 100), to: "credentials.sqlite")
    let error = #expect(throws: StorageError.self) { try directory.openCredentialStore() }
    #expect(error?.description.contains("\(path.path)/credentials.sqlite") == true)
    #expect(error?.description.contains("not a database") == true)
  }
}
