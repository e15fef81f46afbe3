internal import struct Foundation.Data
internal import GRDB
internal import HawserCredentials
internal import HawserPrimitives

/// How a token record lies in the table `token`. Times are seconds since 1970; scopes, domains and
/// ports are lists separated by commas.
enum TokenRow {
  static func isEmpty(in database: Database) throws -> Bool {
    try Bool.fetchOne(database, sql: "SELECT NOT EXISTS (SELECT 1 FROM token)") ?? true
  }

  static func find(_ id: TokenID, in database: Database) throws -> TokenRecord? {
    let row = try Row.fetchOne(
      database,
      sql: "SELECT * FROM token WHERE id = ?",
      arguments: [id.text]
    )
    return try row.map(record)
  }

  static func all(in database: Database) throws -> [TokenRecord] {
    try Row.fetchAll(database, sql: "SELECT * FROM token ORDER BY createdAt, rowid").map(record)
  }

  static func usableIDs(at now: WallClockTime, in database: Database) throws -> Set<TokenID> {
    let sql = """
      SELECT id FROM token WHERE revokedAt IS NULL AND (expiresAt IS NULL OR expiresAt > ?)
      """
    let ids = try String.fetchAll(database, sql: sql, arguments: [now.secondsSince1970])
    return Set(try ids.map { try TokenID($0) })
  }

  static func insert(_ record: TokenRecord, into database: Database) throws {
    let sql = """
      INSERT INTO token (id, secretHash, user, scopes, domains, ports, maximumSessions, createdAt,
                         expiresAt, revokedAt)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """
    let arguments: StatementArguments = [
      record.id.text, Data(record.secretHash), record.user.text,
      record.scopes.sorted().map(\.rawValue).joined(separator: ","),
      record.domains.map(\.name).joined(separator: ","),
      record.ports.map(\.description).joined(separator: ","), record.maximumSessions,
      record.createdAt.secondsSince1970, record.expiresAt?.secondsSince1970,
      record.revokedAt?.secondsSince1970,
    ]
    do {
      try database.execute(sql: sql, arguments: arguments)
    } catch DatabaseError.SQLITE_CONSTRAINT_PRIMARYKEY {
      throw CredentialsError.tokenExists(record.id)
    }
  }

  static func revoke(
    _ id: TokenID,
    at now: WallClockTime,
    in database: Database
  ) throws -> Revocation {
    guard let record = try find(id, in: database) else { return .unknownToken }
    if let revokedAt = record.revokedAt { return .alreadyRevoked(revokedAt) }
    try database.execute(
      sql: "UPDATE token SET revokedAt = ? WHERE id = ?",
      arguments: [now.secondsSince1970, id.text]
    )
    return .revoked
  }

  private static func record(_ row: Row) throws -> TokenRecord {
    let scopes: String = row["scopes"]
    let domains: String = row["domains"]
    let ports: String = row["ports"]
    let secretHash: Data = row["secretHash"]
    var record = TokenRecord(
      id: try TokenID(row["id"] as String),
      secretHash: Array(secretHash),
      user: try UserName(row["user"] as String),
      scopes: scopes.isEmpty ? [] : try TokenScope.parseList(scopes),
      createdAt: WallClockTime(secondsSince1970: row["createdAt"])
    )
    record.domains = try domains.split(separator: ",").map { try Domain($0) }
    record.ports = ports.isEmpty ? [] : try PortRange.parseList(ports)
    record.maximumSessions = row["maximumSessions"]
    record.expiresAt = (row["expiresAt"] as Int64?).map(WallClockTime.init(secondsSince1970:))
    record.revokedAt = (row["revokedAt"] as Int64?).map(WallClockTime.init(secondsSince1970:))
    return record
  }
}
