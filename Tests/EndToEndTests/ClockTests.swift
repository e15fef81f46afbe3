import Foundation
import Testing

/// Clocks that jump, or that two machines do not share.
@Suite(.timeLimit(.minutes(10))) struct ClockTests {
  /// Steps the wall clock (CLOCK_REALTIME) of both processes, by libfaketime; their monotonic
  /// clocks go on as they are, as with a step by NTP or by hand.
  @Test(arguments: TransportUnderTest.allCases)
  func `the wall clock steps by days amid a transfer with cuts`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let library = try #require(Self.library, "Scripts/setup installs libfaketime")
      let clock = lab.path("clock")
      func set(_ offset: String) throws {
        try "\(offset)\n".write(to: clock, atomically: true, encoding: .utf8)
      }
      try set("+0")
      let environment = [
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": clock.plainPath,
        "FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
      ]
      let target = lab.keep(try .echo())
      let server = try lab.server(["--grace", "20s"], environment: environment)
      let relay = try lab.relay(to: server.controlPort)
      let provider = try lab.provider(
        join: server.joinURL(through: relay.port),
        target: "127.0.0.1:\(target.port)",
        flags: ["--grace", "20s"],
        environment: environment
      )
      let client = try server.client()
      try client.exchange("before\n")
      for offset in ["+3d", "-3d", "+0"] {
        let linesBefore = server.process.logText.split(separator: "\n").count
        try set(offset)
        letPass(.seconds(1.5))
        try client.exchange("after the step\n")
        // The step has reached the process when its log tells another day; each cut makes it speak.
        try wait(for: "a line of the log of the day \(offset)") {
          try relay.cutOnce()
          try client.exchange("after the cut\n")
          return server.process.logText.split(separator: "\n").dropFirst(linesBefore).contains {
            $0.contains(Self.today) == (offset == "+0")
          }
        }
      }
      #expect(provider.isRunning)
      #expect(target.connectionCount == 1)
    }
  }

  /// The server's monotonic and boot clocks are ten days ahead of the provider's, in a time
  /// namespace: whatever one told the other of its own clock would be far off.
  @Test(
    .enabled(if: timeNamespacesAllowed, "time namespaces are not allowed here; they need root"),
    arguments: TransportUnderTest.allCases
  )
  func `machines that were booted at different times understand each other`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let tenDays = "864000"
      let target = lab.keep(try .echo())
      let server = try lab.server(
        ["--grace", "20s"],
        under: [
          "unshare", "--time", "--monotonic", tenDays, "--boottime", tenDays, "--fork",
          "--kill-child", "--",
        ]
      )
      let relay = try lab.relay(to: server.controlPort)
      _ = try lab.provider(
        join: server.joinURL(through: relay.port),
        target: "127.0.0.1:\(target.port)",
        flags: ["--grace", "20s"]
      )
      let client = try server.client()
      try client.exchange("before\n")
      try relay.goDown()
      try client.write("during\n")
      letPass(.seconds(3))
      try relay.comeBack()
      #expect(try client.read(exactly: 7) == Array("during\n".utf8))
    }
  }

  private static let library: String? = ["x86_64", "aarch64"]
    .map { "/usr/lib/\($0)-linux-gnu/faketime/libfaketimeMT.so.1" }
    .first { FileManager.default.fileExists(atPath: $0) }

  private static var today: String {
    ISO8601DateFormatter().string(from: Date()).prefix(10).description
  }

  private static let timeNamespacesAllowed: Bool = {
    let attempt = Process()
    attempt.executableURL = URL(filePath: "/usr/bin/env")
    attempt.arguments = ["unshare", "--time", "--boottime", "1", "--fork", "true"]
    attempt.standardError = FileHandle.nullDevice
    guard (try? attempt.run()) != nil else { return false }
    attempt.waitUntilExit()
    return attempt.terminationStatus == 0
  }()
}
