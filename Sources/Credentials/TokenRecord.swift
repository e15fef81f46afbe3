package import HawserPrimitives

/// What a store keeps of a token: everything but its secret.
package struct TokenRecord: Sendable, Hashable {
  /// The sessions that one token may have at once unless it says otherwise: a fleet of devices that
  /// share it, but not enough to fill a server.
  package static let defaultMaximumSessions = 256

  package let id: TokenID
  /// SHA-256 of the secret, 32 bytes.
  package let secretHash: [UInt8]
  /// The owner of the token, and of every route that is claimed with it.
  package let user: UserName
  package let scopes: Set<TokenScope>
  /// The domains it may claim.
  package var domains: [Domain] = []
  /// The ports it may claim; empty means every one from 1024 on.
  package var ports: [PortRange] = []
  /// The sessions it may have at once.
  package var maximumSessions: Int = defaultMaximumSessions
  package let createdAt: WallClockTime
  /// The first second in which it is no longer accepted; `nil` for never.
  package var expiresAt: WallClockTime?
  /// When it was revoked; `nil` while it is not.
  package var revokedAt: WallClockTime?

  /// A record of `token`, without its secret.
  package init(
    of token: Token,
    user: UserName,
    scopes: Set<TokenScope>,
    createdAt: WallClockTime
  ) {
    self.init(
      id: token.id,
      secretHash: token.secretHash,
      user: user,
      scopes: scopes,
      createdAt: createdAt
    )
  }

  /// A record as a store gives it back; `secretHash` has 32 bytes.
  package init(
    id: TokenID,
    secretHash: [UInt8],
    user: UserName,
    scopes: Set<TokenScope>,
    createdAt: WallClockTime
  ) {
    self.id = id
    self.secretHash = secretHash
    self.user = user
    self.scopes = scopes
    self.createdAt = createdAt
  }

  /// Whether it is neither revoked nor expired; checked again whenever a session is resumed.
  package func isUsable(at now: WallClockTime) -> Bool {
    revokedAt == nil && !isExpired(at: now)
  }

  package func isExpired(at now: WallClockTime) -> Bool {
    expiresAt.map { $0 <= now } ?? false
  }

  /// Whether one more session may begin beside `running` others of this token.
  package func mayStartSession(besides running: Int) -> Bool { running < maximumSessions }
}

extension TokenRecord {
  /// Whether the token may claim `port`: without ranges of its own every port from 1024 on, except
  /// the server's and those that other users hold.
  ///
  /// - Parameters:
  ///   - port: 0 asks for a free port, which the system picks above 1023.
  ///   - owner: The user who holds the port now, if anybody does.
  ///   - ownPorts: The server's own ports, which nobody may claim.
  /// - Returns: The reason against it, or `nil` when it may.
  package func objection(
    toClaiming port: UInt16,
    heldBy owner: UserName?,
    ownPorts: Set<UInt16>
  ) -> ClaimRefusal? {
    guard scopes.contains(.connect) else { return .missingScope(id, .connect) }
    guard !ownPorts.contains(port) else { return .portOfServer(port) }
    if ports.isEmpty {
      guard port == 0 || port >= PortRange.firstUnprivileged else {
        return .portPrivileged(id, port)
      }
    } else {
      guard ports.contains(where: { $0.contains(port) }) else {
        return .portOutsideRanges(id, port, ports)
      }
    }
    if let owner, owner != user { return .portHeld(port, by: owner) }
    return nil
  }

  /// Whether the token may claim `port` while nobody holds it; port 0 as in
  /// ``objection(toClaiming:heldBy:ownPorts:)``, which tells the reason.
  package func mayClaim(port: UInt16, ownPorts: Set<UInt16>) -> Bool {
    objection(toClaiming: port, heldBy: nil, ownPorts: ownPorts) == nil
  }

  /// Whether the token may claim `host`: one of its domains or a name below one.
  package func mayClaim(host: Domain) -> Bool {
    scopes.contains(.connect) && domains.contains { $0.covers(host) }
  }
}

extension PortRange {
  /// The first port that needs no privilege on a Unix system.
  package static let firstUnprivileged: UInt16 = 1024
}
