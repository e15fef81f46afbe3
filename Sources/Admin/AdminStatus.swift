/// What `GET /v1/status` answers: the state of a server at one moment.
///
/// A contract with scripts: fields are added, never renamed or removed. Durations are seconds,
/// sizes are bytes.
package struct AdminStatus: Codable, Sendable, Equatable {
  package var version: String
  package var pid: Int32
  package var uptimeSeconds: Double
  /// Where providers are accepted.
  package var control: Address
  /// The ports for clients.
  package var entries: [Entry]
  package var sessions: [Session]
  /// Clients that wait for a provider.
  package var parked: Parked
  /// Every limit of the server that can refuse somebody, reached or not.
  package var limits: [Limit]
  /// Counts since the start, by name.
  package var totals: Totals

  package init(
    version: String,
    pid: Int32,
    uptimeSeconds: Double,
    control: Address,
    entries: [Entry] = [],
    sessions: [Session] = [],
    parked: Parked = Parked(),
    limits: [Limit] = [],
    totals: Totals = Totals()
  ) {
    self.version = version
    self.pid = pid
    self.uptimeSeconds = uptimeSeconds
    self.control = control
    self.entries = entries
    self.sessions = sessions
    self.parked = parked
    self.limits = limits
    self.totals = totals
  }
}

extension AdminStatus {
  /// A bound address.
  package struct Address: Codable, Sendable, Equatable {
    package var address: String
    package var port: Int

    package init(address: String, port: Int) {
      self.address = address
      self.port = port
    }
  }

  /// A port on which clients are accepted.
  package struct Entry: Codable, Sendable, Equatable {
    package var mode: String
    package var address: String
    package var port: Int
    /// `active`, or `closing` when no provider claims it.
    package var state: String
    /// Sessions that serve it, those in grace included.
    package var providers: Int
    /// Client connections, parked ones included.
    package var clients: Int

    package init(
      mode: String,
      address: String,
      port: Int,
      state: String,
      providers: Int,
      clients: Int
    ) {
      self.mode = mode
      self.address = address
      self.port = port
      self.state = state
      self.providers = providers
      self.clients = clients
    }
  }

  /// A provider's session.
  package struct Session: Codable, Sendable, Equatable {
    package var id: String
    package var name: String
    package var user: String
    /// The id of the token it came with; never the secret.
    package var token: String
    /// `connected`, `grace` or `closing`.
    package var state: String
    /// The time left until its streams are reset; only in grace.
    package var graceLeftSeconds: Double?
    package var ageSeconds: Double
    package var links: [Link]
    package var streams: Int
    /// Bytes sent and not yet acknowledged, or waiting for credit.
    package var retainedBytes: Int
    /// Bytes received and not yet read by a client.
    package var unreadBytes: Int
    package var bytesSent: UInt64
    package var bytesReceived: UInt64

    package init(
      id: String,
      name: String,
      user: String,
      token: String,
      state: String,
      graceLeftSeconds: Double? = nil,
      ageSeconds: Double,
      links: [Link] = [],
      streams: Int = 0,
      retainedBytes: Int = 0,
      unreadBytes: Int = 0,
      bytesSent: UInt64 = 0,
      bytesReceived: UInt64 = 0
    ) {
      self.id = id
      self.name = name
      self.user = user
      self.token = token
      self.state = state
      self.graceLeftSeconds = graceLeftSeconds
      self.ageSeconds = ageSeconds
      self.links = links
      self.streams = streams
      self.retainedBytes = retainedBytes
      self.unreadBytes = unreadBytes
      self.bytesSent = bytesSent
      self.bytesReceived = bytesReceived
    }
  }

  /// A link of a session.
  package struct Link: Codable, Sendable, Equatable {
    package var transport: String
    /// The provider's address.
    package var address: String
    /// Smoothed; absent before the first measurement.
    package var roundTripSeconds: Double?
    package var bytesIn: UInt64
    package var bytesOut: UInt64

    package init(
      transport: String,
      address: String,
      roundTripSeconds: Double?,
      bytesIn: UInt64,
      bytesOut: UInt64
    ) {
      self.transport = transport
      self.address = address
      self.roundTripSeconds = roundTripSeconds
      self.bytesIn = bytesIn
      self.bytesOut = bytesOut
    }
  }

  /// Clients that wait for a provider.
  package struct Parked: Codable, Sendable, Equatable {
    package var clients: Int
    package var bytes: Int

    package init(clients: Int = 0, bytes: Int = 0) {
      self.clients = clients
      self.bytes = bytes
    }
  }

  /// A limit and how often it refused somebody.
  package struct Limit: Codable, Sendable, Equatable {
    /// A name for scripts, in words joined by `_`.
    package var name: String
    package var maximum: Int
    /// How often it was reached since the start.
    package var reached: UInt64

    package init(name: String, maximum: Int, reached: UInt64) {
      self.name = name
      self.maximum = maximum
      self.reached = reached
    }
  }

  /// Counts since the start.
  package struct Totals: Codable, Sendable, Equatable {
    package var clients: UInt64
    package var sessions: UInt64
    package var resumes: UInt64
    package var rejectedHandshakes: UInt64
    package var bytesToProviders: UInt64
    package var bytesFromProviders: UInt64

    package init(
      clients: UInt64 = 0,
      sessions: UInt64 = 0,
      resumes: UInt64 = 0,
      rejectedHandshakes: UInt64 = 0,
      bytesToProviders: UInt64 = 0,
      bytesFromProviders: UInt64 = 0
    ) {
      self.clients = clients
      self.sessions = sessions
      self.resumes = resumes
      self.rejectedHandshakes = rejectedHandshakes
      self.bytesToProviders = bytesToProviders
      self.bytesFromProviders = bytesFromProviders
    }
  }
}
