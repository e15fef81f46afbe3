import Foundation
import HawserAdmin
import HawserConfiguration
import Logging
import Synchronization
import Testing

@testable import hawser

struct `A log line` {
  private func line(
    _ format: LoggingOptions.Format,
    _ message: Logger.Message,
    _ metadata: Logger.Metadata
  ) -> String {
    let lines = Mutex("")
    let logger = Logger(label: "test") { label in
      LineLogHandler(label: label, options: LoggingOptions(format: format, level: .info)) { line in
        lines.withLock { $0 += line }
      }
    }
    logger.info(message, metadata: metadata)
    return lines.withLock { $0 }
  }

  @Test func `as text has time, level, message and pairs in order`() {
    let text = line(.text, "link lost", ["link": "1", "address": "a b", "empty": ""])
    let rest = #"info     link lost address="a b" empty="" link=1"# + "\n"
    #expect(text.hasSuffix(rest))
    let time = text.dropLast(rest.count)
    #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /#) != nil)
  }

  @Test func `as text stays one line, whatever a peer sends`() {
    let text = line(.text, "provider connected", ["name": "x\ninfo forged\u{1B}[2J\u{9B}"])
    #expect(text.filter { $0.isNewline }.count == 1)
    #expect(!text.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x9B })
  }

  @Test func `as JSON is one object with every field`() throws {
    let text = line(.json, "link \"lost\"", ["link": "1", "name": "x\ny"])
    #expect(text.filter { $0.isNewline }.count == 1)
    let object = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    #expect(object["message"] == "link \"lost\"")
    #expect(object["level"] == "info")
    #expect(object["logger"] == "test")
    #expect(object["link"] == "1")
    #expect(object["name"] == "x\ny")
    #expect(object["time"]?.isEmpty == false)
  }

  @Test func `as JSON keeps its own fields from metadata of the same name`() throws {
    let text = line(.json, "real", ["message": "forged", "level": "forged"])
    let object = try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    #expect(object["message"] == "real")
    #expect(object["level"] == "info")
  }
}

struct `The status for people` {
  @Test func `shows sessions, entries and limits`() {
    let status = AdminStatus(
      version: "1.2.3",
      pid: 42,
      uptimeSeconds: 90_061,
      control: .init(address: "0.0.0.0", port: 9887),
      entries: [.init(mode: "tcp", address: "0.0.0.0", port: 8080, owner: "ann", providers: 1)],
      sessions: [
        .init(
          id: "0011",
          name: "boat",
          user: "ann",
          token: "abcdefgh",
          state: "grace",
          graceLeftSeconds: 12.2,
          streams: 3,
          retainedBytes: 1536,
          bytesSent: 10,
          bytesReceived: 5 << 30
        )
      ],
      clients: 3,
      parked: 1,
      limits: [.init(name: "server", reached: 2)],
      totals: .init(clients: 9, sessions: 2, resumes: 4)
    )
    #expect(
      StatusReport(status).text == """
        hawser 1.2.3, pid 42, up 1d 1h, providers dial 0.0.0.0:9887

        SESSIONS
          ID    NAME  USER  ADDRESS  STATE             RTT  STREAMS  RETAINED  IN       OUT
          0011  boat  ann   -        grace, 13 s left  -    3        1.5 KiB   5.0 GiB  10 B

        ENTRIES
          ADDRESS       MODE  OWNER  USABLE PROVIDERS  PARKED
          0.0.0.0:8080  tcp   ann    0 of 1            0

        CLIENTS  3 now, 1 of them parked, 9 in all
        LINKS    2 sessions, resumed 4 times
        LIMITS   server 2 times
        """
    )
  }

  @Test(arguments: [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (104_857_600, "100 MiB"),
    (1 << 60, "1048576 TiB"),
  ])
  func `counts bytes in binary units`(count: Int, text: String) {
    #expect(StatusReport.bytes(count) == text)
  }
}

struct `A relay's orders` {
  @Test(arguments: [
    ("cut", RelayOrder.cut), (" cut  5s ", .outage(.seconds(5))), ("refuse on", .refuse(true)),
    ("refuse off", .refuse(false)), ("silence on", .silence(true)),
    ("silence 5s", .silenceFor(.seconds(5))), ("delay 100ms", .delay(.milliseconds(100))),
    ("delay 0", .delay(.zero)), ("rate 1MiB", .throttle(1 << 20)), ("rate off", .throttle(nil)),
    ("counters", .counters),
  ])
  func `are read`(line: String, order: RelayOrder) {
    #expect(RelayOrder(line: line) == order)
  }

  @Test(arguments: ["", "cut now", "refuse", "refuse 5s", "rate fast", "cut 5s 5s", "delay", "on"])
  func `are refused in any other form`(line: String) {
    #expect(RelayOrder(line: line) == nil)
  }
}

struct `The public host` {
  @Test func `is the bound address unless that is all of them`() {
    #expect(PublicHost.announced(boundTo: "192.0.2.1") == "192.0.2.1")
    #expect(PublicHost.announced(boundTo: "0.0.0.0") == PublicHost.ofThisMachine)
    #expect(PublicHost.announced(boundTo: "::") == PublicHost.ofThisMachine)
  }

  @Test func `follows the state folder's default`() {
    #expect(StatePath.resolve("given", environment: [:]) == "given")
    let expected = geteuid() == 0 ? "/var/lib/hawser" : "/x/hawser"
    #expect(StatePath.resolve("", environment: ["XDG_STATE_HOME": "/x"]) == expected)
  }
}
