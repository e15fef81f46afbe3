import HawserCredentials
import HawserPrimitives
import Testing

struct TokenRecordTests {
  private static let ownPorts: Set<UInt16> = [8080, 9887]

  private func makeRecord(
    ports: String? = nil,
    scopes: Set<TokenScope> = [.connect]
  ) throws -> TokenRecord {
    var record = TokenRecord(
      of: makeToken(),
      user: try UserName("anna"),
      scopes: scopes,
      createdAt: .at(0)
    )
    if let ports { record.ports = try PortRange.parseList(ports) }
    return record
  }

  @Test(
    arguments: [
      (nil, 1023, false), (nil, 1024, true), (nil, 65535, true), (nil, 0, true),
      (nil, 8080, false), (nil, 9887, false), (nil, 1, false),
      ("80,2000-2999", 80, true), ("80,2000-2999", 81, false), ("80,2000-2999", 2000, true),
      ("80,2000-2999", 2999, true), ("80,2000-2999", 3000, false), ("80,2000-2999", 0, false),
      ("1-65535", 8080, false), ("1-65535", 8081, true),
    ] as [(String?, UInt16, Bool)]
  )
  func `a token claims ports from 1024 on, or those of its ranges, and never the server's own`(
    ranges: String?,
    port: UInt16,
    allowed: Bool
  ) throws {
    let record = try makeRecord(ports: ranges)
    #expect(record.mayClaim(port: port, ownPorts: Self.ownPorts) == allowed)
  }

  @Test
  func `a port stays with the user who holds it`() throws {
    let record = try makeRecord()
    let anna = try UserName("anna")
    let berta = try UserName("berta")
    #expect(record.objection(toClaiming: 2000, heldBy: anna, ownPorts: []) == nil)
    let refusal = record.objection(toClaiming: 2000, heldBy: berta, ownPorts: [])
    #expect(refusal == .portHeld(2000, by: berta))
    #expect(refusal?.operatorMessage == "port 2000 is held by the user berta")
    #expect(refusal?.providerMessage == "port 2000 is taken; choose another one")
  }

  @Test
  func `a token without the scope connect claims nothing`() throws {
    var record = try makeRecord(scopes: [.forward, .admin])
    record.domains = [try Domain("example.com")]
    #expect(
      record.objection(toClaiming: 2000, heldBy: nil, ownPorts: [])
        == .missingScope(record.id, .connect)
    )
    #expect(!record.mayClaim(host: try Domain("example.com")))
  }

  @Test
  func `a token claims its domains and names below them`() throws {
    var record = try makeRecord()
    #expect(!record.mayClaim(host: try Domain("example.com")))
    record.domains = [try Domain("example.com"), try Domain("example.org")]
    #expect(record.mayClaim(host: try Domain("www.example.org")))
    #expect(!record.mayClaim(host: try Domain("example.net")))
  }

  @Test
  func `refusals tell the provider what to do`() throws {
    let low = try makeRecord().objection(toClaiming: 80, heldBy: nil, ownPorts: [])
    #expect(
      low?.providerMessage
        == "port 80 is below 1024; the server's operator can make a token that has it in --ports"
    )
    let outside = try makeRecord(ports: "81,90-99")
      .objection(toClaiming: 80, heldBy: nil, ownPorts: [])
    #expect(outside?.providerMessage == "port 80 is not among the ports of the token: 81,90-99")
    let own = try makeRecord().objection(toClaiming: 8080, heldBy: nil, ownPorts: [8080])
    #expect(own?.providerMessage == "port 8080 is the server's own; choose another one")
  }

  @Test
  func `expiry takes effect in its first second`() throws {
    var record = try makeRecord()
    #expect(record.isUsable(at: .at(1_000_000_000)))
    record.expiresAt = .at(100)
    #expect(record.isUsable(at: .at(99)))
    #expect(!record.isUsable(at: .at(100)))
    record.expiresAt = nil
    record.revokedAt = .at(50)
    #expect(!record.isUsable(at: .at(0)))
  }

  @Test
  func `the number of sessions of a token is limited`() throws {
    var record = try makeRecord()
    record.maximumSessions = 2
    #expect(record.mayStartSession(besides: 1))
    #expect(!record.mayStartSession(besides: 2))
  }
}
