import HawserPrimitives
import Testing

struct HostTests {
  @Test(arguments: [
    ("localhost", "localhost"), ("Relay.Example.COM", "relay.example.com"),
    ("example.com.", "example.com."), ("10.0.0.1", "10.0.0.1"), ("my_service", "my_service"),
    ("::1", "[::1]"), ("2001:DB8::1", "[2001:db8::1]"), ("fe80::1%eth0", "[fe80::1%eth0]"),
    ("::ffff:10.0.0.1", "[::ffff:10.0.0.1]"), ("::", "[::]"),
    ("1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7::]"),
    ("3com.example", "3com.example"), ("xn--bcher-kva.example", "xn--bcher-kva.example"),
  ])
  func `hosts are read and printed`(text: String, printed: String) throws {
    #expect(try Host(text).description == printed)
  }

  @Test(arguments: [
    ("", "the host is empty"),
    ("a..b", "the host ‘a..b’ has an empty label"),
    (".", "the host ‘.’ has an empty label"),
    ("-a", "the host ‘-a’ is not a name of letters, digits and inner hyphens"),
    ("a b", "the host ‘a b’ is not a name of letters, digits and inner hyphens"),
    ("bücher", "the host ‘bücher’ is not a name of letters, digits and inner hyphens"),
    ("1.2.3", "the host ‘1.2.3’ is not a valid IPv4 address"),
    ("256.1.1.1", "the host ‘256.1.1.1’ is not a valid IPv4 address"),
    ("010.1.1.1", "the host ‘010.1.1.1’ is not a valid IPv4 address"),
    ("80", "the host ‘80’ is not a valid IPv4 address"),
    (":::", "the host ‘:::’ is not a valid IPv6 address"),
    ("1:2:3:4:5:6:7", "the host ‘1:2:3:4:5:6:7’ is not a valid IPv6 address"),
    ("1:2:3:4:5:6:7:8:9", "the host ‘1:2:3:4:5:6:7:8:9’ is not a valid IPv6 address"),
    ("1::2::3", "the host ‘1::2::3’ is not a valid IPv6 address"),
    ("12345::", "the host ‘12345::’ is not a valid IPv6 address"),
    ("1:2:3:4::5:6:7:8", "the host ‘1:2:3:4::5:6:7:8’ is not a valid IPv6 address"),
    ("fe80::1%", "the host ‘fe80::1%’ is not a valid IPv6 address"),
    ("::1.2.3", "the host ‘::1.2.3’ is not a valid IPv6 address"),
    ("1.2.3.4::", "the host ‘1.2.3.4::’ is not a valid IPv6 address"),
  ])
  func `what is wrong with a host is said`(text: String, message: String) {
    let error = #expect(throws: HostError.self) { try Host(text) }
    #expect(error?.description == message)
  }

  @Test
  func `limits of names are exact`() throws {
    let label = String(repeating: "a", count: 63)
    let longest = "\(label).\(label).\(label).\(label.dropLast(2))"
    #expect(longest.count == 253)
    #expect(try Host(longest).text == longest)
    #expect(throws: HostError.self) { try Host(longest + "a") }
    #expect(throws: HostError.self) { try Host(label + "a") }
  }

  @Test(
    arguments: [
      ("relay", "relay", nil), ("relay:80", "relay", 80), ("[::1]", "[::1]", nil),
      ("[::1]:65535", "[::1]", 65535), ("10.0.0.1:1", "10.0.0.1", 1),
    ] as [(String, String, UInt16?)]
  )
  func `a port may follow`(text: String, host: String, port: UInt16?) throws {
    let parsed = try HostAndPort(text)
    #expect(parsed.host.description == host)
    #expect(parsed.port == port)
  }

  @Test(arguments: [
    (":80", "the host is empty"), ("[]:80", "the host is empty"),
    ("h:", "the port ‘’ is not a decimal number from 1 to 65535"),
    ("h:0", "the port ‘0’ is not a decimal number from 1 to 65535"),
    ("h:65536", "the port ‘65536’ is not a decimal number from 1 to 65535"),
    ("h:+80", "the port ‘+80’ is not a decimal number from 1 to 65535"),
    ("h:0x50", "the port ‘0x50’ is not a decimal number from 1 to 65535"),
    ("h:80:90", "the port ‘80:90’ is not a decimal number from 1 to 65535"),
    ("[::1", "the brackets in ‘[::1’ must read [address] or [address]:port"),
    ("[::1]80", "the brackets in ‘[::1]80’ must read [address] or [address]:port"),
    ("[relay]:80", "the brackets in ‘[relay]:80’ must read [address] or [address]:port"),
    ("fe80::1:80", "write the IPv6 address in ‘fe80::1:80’ as [address]:port"),
  ])
  func `what is wrong with a host and a port is said`(text: String, message: String) {
    let error = #expect(throws: HostError.self) { try HostAndPort(text) }
    #expect(error?.description == message)
  }

  @Test
  func `port 0 is accepted where the caller says so`() throws {
    #expect(try UInt16(portText: "0", minimum: 0) == 0)
    #expect(throws: HostError.invalidPort(text: "-1", minimum: 0)) {
      try UInt16(portText: "-1", minimum: 0)
    }
  }

  @Test
  func `a mapped IPv4 address is recognised`() {
    #expect(IPv6Address(text: "::ffff:10.0.0.1")?.mappedIPv4 == [10, 0, 0, 1])
    #expect(IPv6Address(text: "::1")?.mappedIPv4 == nil)
  }
}
