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
    let states = ["connected", "suspect", "grace"].map { state in
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
      $0.links.last?.roundTripMilliseconds.map { $0 / 1000 }
    }
    var bytes: [PrometheusText.Sample] = []
    for session in sessions {
      for (direction, count) in [("sent", session.bytesSent), ("received", session.bytesReceived)] {
        let labels = Self.labels(of: session) + [("direction", direction)]
        bytes.append(PrometheusText.Sample(Double(count), labels: labels))
      }
    }
    text.add(
      "hawser_session_bytes_total",
      .counter,
      help: "Stream bytes by direction, seen from the server.",
      samples: bytes
    )
  }

  private func addClients(to text: inout PrometheusText) {
    func labels(_ entry: Entry) -> [(name: String, value: String)] {
      [("mode", entry.mode), ("address", entry.address), ("port", "\(entry.port)")]
    }
    func gauge(_ name: String, _ help: String, _ value: (Entry) -> Int) {
      let samples = entries.map { PrometheusText.Sample(Double(value($0)), labels: labels($0)) }
      text.add(name, .gauge, help: help, samples: samples)
    }
    gauge("hawser_entry_providers", "Sessions that serve an entry.") { $0.providers }
    gauge("hawser_entry_usable_providers", "Those that take clients now.") { $0.usableProviders }
    gauge("hawser_entry_parked_clients", "Clients that wait for a provider.") { $0.parked }
    func single(_ name: String, _ help: String, _ value: Int) {
      text.add(name, .gauge, help: help, samples: [.init(Double(value))])
    }
    single("hawser_clients", "Client connections, parked ones included.", clients)
    single("hawser_parked_clients", "Clients that wait for a provider.", parked)
    single("hawser_retained_bytes", "Bytes kept until providers have them.", retainedBytes)
    single("hawser_granted_bytes", "Credit above the initial one.", grantedBytes)
  }

  private func addTotals(to text: inout PrometheusText) {
    func counter(_ name: String, _ help: String, _ value: UInt64) {
      text.add(name, .counter, help: help, samples: [.init(Double(value))])
    }
    counter("hawser_clients_total", "Client connections accepted.", totals.clients)
    counter(
      "hawser_clients_turned_away_total",
      "Clients closed at once.",
      totals.clientsTurnedAway
    )
    counter(
      "hawser_clients_parked_too_long_total",
      "Clients closed because no provider came in time.",
      totals.clientsParkedTooLong
    )
    counter("hawser_streams_refused_total", "Streams a provider refused.", totals.streamsRefused)
    counter("hawser_sessions_total", "Sessions begun.", totals.sessions)
    counter("hawser_resumes_total", "Sessions resumed on another link.", totals.resumes)
    counter(
      "hawser_authentication_failures_total",
      "Providers refused for their credentials.",
      totals.authenticationFailures
    )
    counter(
      "hawser_attempts_refused_total",
      "Attempts refused because their address had failed too often.",
      totals.attemptsRefused
    )
    counter(
      "hawser_handshakes_refused_total",
      "Connections closed because too many were shaking hands.",
      totals.handshakesRefused
    )
    text.add(
      "hawser_limit_reached_total",
      .counter,
      help: "How often a limit refused somebody.",
      samples: limits.map { .init(Double($0.reached), labels: [("limit", $0.name)]) }
    )
  }

  private static func labels(of session: Session) -> [(name: String, value: String)] {
    [("session", session.id), ("name", session.name), ("user", session.user)]
  }
}
