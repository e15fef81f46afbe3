import HawserPrimitives
import HawserRouting
import Testing

struct ServiceEntryTests {
  @Test(
    arguments: [
      ("2000=80", 2000, "127.0.0.1:80"), ("0=h:80", 0, "h:80"),
      ("65535=[::1]:1", 65535, "[::1]:1"), ("5432=unix:/run/a=b", 5432, "unix:/run/a=b"),
    ] as [(String, UInt16, String)]
  )
  func `mappings are read`(text: String, port: UInt16, target: String) throws {
    let entry = try ServiceEntry(portMapping: text)
    #expect(entry.entrance == .port(port))
    #expect(entry.target.description == target)
  }

  @Test(arguments: [
    ("2000", "in ‘2000’ there is no ‘=’: write PORT=TARGET"),
    ("=80", "in ‘=80’ the port ‘’ is not a decimal number from 0 to 65535"),
    ("x=80", "in ‘x=80’ the port ‘x’ is not a decimal number from 0 to 65535"),
    ("-1=80", "in ‘-1=80’ the port ‘-1’ is not a decimal number from 0 to 65535"),
    ("65536=80", "in ‘65536=80’ the port ‘65536’ is not a decimal number from 0 to 65535"),
    ("80=:80", "in the target ‘:80’ the host is empty"),
    ("80=", "in the target ‘’ the port ‘’ is not a decimal number from 1 to 65535"),
  ])
  func `what is wrong with a mapping is said`(text: String, message: String) {
    let error = #expect(throws: RoutingError.self) { try ServiceEntry(portMapping: text) }
    #expect(error?.description == message)
  }

  @Test
  func `a bare target is served on the server's own entry and comes first`() throws {
    let entries = try ServiceEntry.list(portMappings: ["0=1", "2000=2", "0=3"], target: "80")
    #expect(entries.map(\.entrance) == [.serverEntry, .port(0), .port(2000), .port(0)])
    #expect(entries.first?.target == .tcp(host: .loopback, port: 80))
  }

  @Test
  func `a list has at least one service, each port once, and a limit`() throws {
    #expect(throws: RoutingError.noService) {
      try ServiceEntry.list(portMappings: [], target: nil)
    }
    #expect(throws: RoutingError.duplicatePort(2000)) {
      try ServiceEntry.list(portMappings: ["2000=1", "2000=2"], target: nil)
    }
    let most = (0..<256).map { "\(1024 + $0)=80" }
    #expect(try ServiceEntry.list(portMappings: most, target: nil).count == 256)
    #expect(throws: RoutingError.tooManyServices(maximum: 256)) {
      try ServiceEntry.list(portMappings: most, target: "80")
    }
  }
}
