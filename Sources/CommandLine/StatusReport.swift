internal import HawserAdmin
internal import HawserPrimitives

/// A server's status as a person reads it.
struct StatusReport {
  private let status: AdminStatus

  init(_ status: AdminStatus) {
    self.status = status
  }

  /// Several lines, without a newline at the end.
  var text: String {
    ([header, "", "SESSIONS"] + sessions + ["", "ENTRIES"] + entries + [""] + footer)
      .joined(separator: "\n")
  }

  private var header: String {
    let uptime = Self.duration(seconds: status.uptimeSeconds)
    let stopping = status.isStopping ? ", stopping" : ""
    let control = "\(status.control.address):\(status.control.port)"
    return
      "hawser \(status.version), pid \(status.pid), up \(uptime), providers dial \(control)"
      + stopping
  }

  private var sessions: [String] {
    guard !status.sessions.isEmpty else {
      return ["  none: no provider is connected, new clients wait"]
    }
    let rows = status.sessions.map { session in
      [
        String(session.id.prefix(8)), session.name, session.user,
        session.links.last?.address ?? "-", Self.state(of: session),
        session.links.last?.roundTripMilliseconds.map(Self.roundTrip) ?? "-",
        "\(session.streams)", Self.bytes(session.retainedBytes),
        Self.bytes(session.bytesReceived), Self.bytes(session.bytesSent),
      ]
    }
    return Self.table(
      ["ID", "NAME", "USER", "ADDRESS", "STATE", "RTT", "STREAMS", "RETAINED", "IN", "OUT"],
      rows
    )
  }

  private var entries: [String] {
    guard !status.entries.isEmpty else { return ["  none: no port for clients is open"] }
    let rows = status.entries.map { entry in
      [
        "\(entry.address):\(entry.port)", entry.mode, entry.owner ?? "-",
        "\(entry.usableProviders) of \(entry.providers)", "\(entry.parked)",
      ]
    }
    return Self.table(["ADDRESS", "MODE", "OWNER", "USABLE PROVIDERS", "PARKED"], rows)
  }

  private var footer: [String] {
    let reached = status.limits.filter { $0.reached > 0 }.map { "\($0.name) \($0.reached) times" }
    let totals = status.totals
    return [
      "CLIENTS  \(status.clients) now, \(status.parked) of them parked, \(totals.clients) in all",
      "LINKS    \(totals.sessions) sessions, resumed \(totals.resumes) times",
      "LIMITS   " + (reached.isEmpty ? "none reached" : reached.joined(separator: ", ")),
    ]
  }

  private static func state(of session: AdminStatus.Session) -> String {
    guard let left = session.graceLeftSeconds else { return session.state }
    return "\(session.state), \(Int(left.rounded(.up))) s left"
  }

  private static func roundTrip(milliseconds: Double) -> String {
    let tenths = Int((milliseconds * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) ms"
  }

  /// In the two largest units, such as `2d 3h`.
  static func duration(seconds: Double) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
    var rest = Int(max(0, seconds))
    var parts: [String] = []
    for (name, size) in units {
      if rest >= size || (name == "s" && parts.isEmpty) { parts.append("\(rest / size)\(name)") }
      rest %= size
    }
    return parts.prefix(2).joined(separator: " ")
  }

  /// With three digits or so and a binary unit, such as `1.5 MiB`.
  static func bytes(_ count: some BinaryInteger) -> String {
    var value = Double(count)
    var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    while value >= 1024, units.count > 1 {
      value /= 1024
      units.removeFirst()
    }
    let unit = units.first ?? "B"
    guard unit != "B" else { return "\(count) B" }
    let tenths = Int((value * 10).rounded())
    return tenths < 1000 ? "\(tenths / 10).\(tenths % 10) \(unit)" : "\(tenths / 10) \(unit)"
  }

  private static func table(_ titles: [String], _ rows: [[String]]) -> [String] {
    TextTable.lines(titles, rows).map { "  " + $0 }
  }
}
