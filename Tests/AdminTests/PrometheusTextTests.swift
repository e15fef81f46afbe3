import HawserAdmin
import Testing

struct `Prometheus text` {
  @Test func `has help, type and one line for each sample`() {
    var text = PrometheusText()
    text.add(
      "a_total",
      .counter,
      help: "Counts.",
      samples: [.init(3, labels: [("x", "1"), ("y", "2")]), .init(0.5)]
    )
    #expect(
      text.text == """
        # HELP a_total Counts.
        # TYPE a_total counter
        a_total{x="1",y="2"} 3
        a_total 0.5

        """
    )
  }

  @Test func `escapes what the format gives a meaning`() {
    var text = PrometheusText()
    text.add(
      "a",
      .gauge,
      help: "back\\slash \"quoted\"\nline",
      samples: [.init(1, labels: [("x", "back\\slash \"quoted\"\nline")])]
    )
    #expect(
      text.text == #"""
        # HELP a back\\slash "quoted"\nline
        # TYPE a gauge
        a{x="back\\slash \"quoted\"\nline"} 1

        """#
    )
  }

  @Test func `names the numbers that are none`() {
    var text = PrometheusText()
    text.add(
      "a",
      .gauge,
      help: "",
      samples: [.init(.infinity), .init(-.infinity), .init(.nan), .init(1e300)]
    )
    #expect(text.text.hasSuffix("a +Inf\na -Inf\na NaN\na 1e+300\n"))
  }

  @Test func `leaves out a metric without samples`() {
    var text = PrometheusText()
    text.add("a", .gauge, help: "h", samples: [])
    #expect(text.text.isEmpty)
  }
}

struct `The metrics of a server` {
  @Test func `name each metric once, with its samples behind it`() throws {
    let lines = AdminStatus.example.prometheusText.split(separator: "\n")
    let names = lines.filter { $0.hasPrefix("# TYPE ") }.compactMap { $0.split(separator: " ")[2] }
    #expect(Set(names).count == names.count)
    var current: Substring = ""
    for line in lines {
      if line.hasPrefix("# TYPE ") {
        current = try #require(line.split(separator: " ").dropFirst(2).first)
      } else if !line.hasPrefix("#") {
        #expect(line.prefix { $0 != "{" && $0 != " " } == current)
      }
    }
  }

  @Test(arguments: [
    #"hawser_sessions{state="grace"} 1"#,
    #"hawser_session_retained_bytes{session="0011",name="boat \"A\"",user="ann"} 4096"#,
    #"hawser_session_grace_left_seconds{session="0011",name="boat \"A\"",user="ann"} 12.5"#,
    #"hawser_entry_providers{mode="tcp",address="0.0.0.0",port="8080"} 7"#,
    "hawser_parked_clients 2",
    "hawser_clients_total 99",
    #"hawser_limit_reached_total{limit="clients"} 3"#,
  ])
  func `hold the state`(line: String) {
    #expect(AdminStatus.example.prometheusText.contains(line + "\n"))
  }
}

extension AdminStatus {
  /// A server with one session in grace, one entry and parked clients.
  static let example = AdminStatus(
    version: "1.2.3",
    pid: 42,
    uptimeSeconds: 61,
    control: Address(address: "0.0.0.0", port: 9887),
    entries: [Entry(mode: "tcp", address: "0.0.0.0", port: 8080, owner: "ann", providers: 7)],
    sessions: [
      Session(
        id: "0011",
        name: "boat \"A\"",
        user: "ann",
        token: "abcdefgh",
        state: "grace",
        graceLeftSeconds: 12.5,
        streams: 3,
        retainedBytes: 4096,
        bytesSent: 10,
        bytesReceived: 1 << 40
      )
    ],
    clients: 9,
    parked: 2,
    limits: [Limit(name: "clients", reached: 3)],
    totals: Totals(clients: 99)
  )
}
