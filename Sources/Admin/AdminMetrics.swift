extension AdminStatus {
  /// The metrics of `GET /metrics`, in Prometheus' text format.
  package var prometheusText: String {
    var text = PrometheusText()
    addProcess(to: &text)
    addSessions(to: &text)
    addClients(to: &text)
    addTotals(to: &text)
    return text.text
  }

  private func addProcess(to text: inout PrometheusText) {
    text.add(
      "hawser_build_info",
      .gauge,
      help: "Always 1; the version is a label.",
      samples: [.init(1, labels: [("version", version)])]
    )
    text.add(
      "hawser_uptime_seconds",
      .gauge,
      help: "Time since the server started.",
      samples: [.init(uptimeSeconds)]
    )
  }

  private func addSessions(to text: inout PrometheusText) {
    let states = ["connected", "grace", "closing"].map { state in
      PrometheusText.Sample(
        Double(sessions.count { $0.state == state }),
        labels: [("state", state)]
      )
    }
    text.add("hawser_sessions", .gauge, help: "Sessions by state.", samples: states)
    func gauge(_ name: String, _ help: String, _ value: (Session) -> Double?) {
      let samples = sessions.compactMap { session in
        value(session).map { PrometheusText.Sample($0, labels: Self.labels(of: session)) }
      }
      text.add(name, .gauge, help: help, samples: samples)
    }
    gauge("hawser_session_links", "Links of a session.") { Double($0.links.count) }
    gauge("hawser_session_streams", "Open streams of a session.") { Double($0.streams) }
    gauge("hawser_session_retained_bytes", "Bytes kept until the provider has them.") {
      Double($0.retainedBytes)
    }
    gauge("hawser_session_unread_bytes", "Bytes received that no client has read yet.") {
      Double($0.unreadBytes)
    }
    gauge("hawser_session_grace_left_seconds", "Time until a session without link ends.") {
      $0.graceLeftSeconds
    }
    gauge("hawser_session_round_trip_seconds", "Smoothed round trip of the newest link.") {
      $0.links.last?.roundTripSeconds
    }
  }

  private func addClients(to text: inout PrometheusText) {
    func labels(_ entry: Entry) -> [(name: String, value: String)] {
      [("mode", entry.mode), ("address", entry.address), ("port", "\(entry.port)")]
    }
    text.add(
      "hawser_entry_clients",
      .gauge,
      help: "Client connections of an entry.",
      samples: entries.map { .init(Double($0.clients), labels: labels($0)) }
    )
    text.add(
      "hawser_entry_providers",
      .gauge,
      help: "Sessions that serve an entry.",
      samples: entries.map { .init(Double($0.providers), labels: labels($0)) }
    )
    text.add(
      "hawser_parked_clients",
      .gauge,
      help: "Clients that wait for a provider.",
      samples: [.init(Double(parked.clients))]
    )
    text.add(
      "hawser_parked_bytes",
      .gauge,
      help: "First bytes of clients that wait for a provider.",
      samples: [.init(Double(parked.bytes))]
    )
  }

  private func addTotals(to text: inout PrometheusText) {
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      text.add(name, .counter, help: help, samples: [.init(Double(value))])
    }
    counter("hawser_clients_total", "Client connections accepted.", totals.clients)
    counter("hawser_sessions_total", "Sessions begun.", totals.sessions)
    counter("hawser_resumes_total", "Sessions resumed on another link.", totals.resumes)
    counter(
      "hawser_rejected_handshakes_total",
      "Providers refused before they had a session.",
      totals.rejectedHandshakes
    )
    text.add(
      "hawser_provider_bytes_total",
      .counter,
      help: "Stream bytes by direction, seen from the server.",
      samples: [
        .init(Double(totals.bytesToProviders), labels: [("direction", "sent")]),
        .init(Double(totals.bytesFromProviders), labels: [("direction", "received")]),
      ]
    )
    text.add(
      "hawser_limit_reached_total",
      .counter,
      help: "How often a limit refused somebody.",
      samples: limits.map { .init(Double($0.reached), labels: [("limit", $0.name)]) }
    )
    text.add(
      "hawser_limit",
      .gauge,
      help: "The value of a limit.",
      samples: limits.map { .init(Double($0.maximum), labels: [("limit", $0.name)]) }
    )
  }

  private static func labels(of session: Session) -> [(name: String, value: String)] {
    [("session", session.id), ("name", session.name), ("user", session.user)]
  }
}
