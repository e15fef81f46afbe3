import HawserPrimitives
import HawserRouting
import Testing

struct TargetAddressTests {
  @Test(arguments: [
    ("80", "127.0.0.1:80"), ("65535", "127.0.0.1:65535"), ("localhost:80", "localhost:80"),
    ("10.0.0.1:8080", "10.0.0.1:8080"), ("[::1]:80", "[::1]:80"),
    ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80"), ("Web.Example.COM:80", "web.example.com:80"),
    ("unix:/run/docker.sock", "unix:/run/docker.sock"), ("unix:/a:80", "unix:/a:80"),
    ("unix:/with space/ü", "unix:/with space/ü"),
  ])
  func `targets are read, and printed so that they can be read again`(
    text: String,
    printed: String
  ) throws {
    let target = try TargetAddress(text: text)
    #expect(target.description == printed)
    #expect(try TargetAddress(text: printed) == target)
  }

  @Test(arguments: [
    ("", "in the target ‘’ the port ‘’ is not a decimal number from 1 to 65535"),
    ("0", "in the target ‘0’ the port ‘0’ is not a decimal number from 1 to 65535"),
    ("0x50", "in the target ‘0x50’ the port ‘0x50’ is not a decimal number from 1 to 65535"),
    ("70000", "in the target ‘70000’ the port ‘70000’ is not a decimal number from 1 to 65535"),
    ("-1", "in the target ‘-1’ the port ‘-1’ is not a decimal number from 1 to 65535"),
    ("localhost", "in the target ‘localhost’ the port is missing; write host:port"),
    ("10.0.0.1", "in the target ‘10.0.0.1’ the port is missing; write host:port"),
    ("[::1]", "in the target ‘[::1]’ the port is missing; write [address]:port"),
    (":80", "in the target ‘:80’ the host is empty"),
    (":", "in the target ‘:’ the host is empty"),
    ("h:", "in the target ‘h:’ the port ‘’ is not a decimal number from 1 to 65535"),
    ("h:0", "in the target ‘h:0’ the port ‘0’ is not a decimal number from 1 to 65535"),
    ("h:http", "in the target ‘h:http’ the port ‘http’ is not a decimal number from 1 to 65535"),
    ("a:b:c", "in the target ‘a:b:c’ the port ‘b:c’ is not a decimal number from 1 to 65535"),
    (
      "::1:80",
      "in the target ‘::1:80’ the host is an IPv6 address without brackets; write [address]:port"
    ),
    ("[::1:80", "in the target ‘[::1:80’ the host has wrong brackets; write [address]:port"),
    (
      "-x:80",
      "in the target ‘-x:80’ the host ‘-x’ is not a name of letters, digits and inner hyphens"
    ),
    (
      "http://localhost:80",
      "in the target ‘http://localhost:80’ the scheme ‘http’ does not belong there; "
        + "write host:port or unix:/path"
    ),
    ("unix:", "in the target ‘unix:’ the path is empty"),
    ("unix:a.sock", "in the target ‘unix:a.sock’ the path must be absolute; write unix:/path"),
    (
      "unix:///run/a.sock",
      "in the target ‘unix:///run/a.sock’ the path must be absolute; write unix:/path"
    ),
    ("unix:/a\0b", "in the target ‘unix:/a\0b’ the path has a zero byte"),
  ])
  func `the part that is wrong is named`(text: String, message: String) {
    let error = #expect(throws: RoutingError.self) { try TargetAddress(text: text) }
    #expect(error?.description == message)
  }

  @Test
  func `the path of a socket may be as long as the system allows, counted in bytes`() throws {
    let maximum = UnixSocketPath.maximumLength
    let longest = "/" + String(repeating: "a", count: maximum - 1)
    #expect(try TargetAddress(text: "unix:" + longest) == .unix(path: longest))
    let tooLong = "/" + String(repeating: "ü", count: maximum / 2 + 1)
    let error = #expect(throws: RoutingError.self) { try TargetAddress(text: "unix:" + tooLong) }
    #expect(error?.description.hasSuffix("but a socket's path has at most \(maximum)") == true)
  }
}
