/// What `GET /v1/status` answers: the state of a server at one moment.
///
/// A contract with scripts: fields are added, never renamed or removed. Durations are seconds
/// unless the name has another unit, sizes are bytes.
package struct AdminStatus: Codable, Sendable, Equatable {
  package var version: String
  package var pid: Int32
  package var uptimeSeconds: Double
  /// Whether it was asked to stop, and only lets streams finish.
  package var isStopping: Bool
  /// Where providers are accepted.
  package var control: Address
  /// The ports for clients.
  package var entries: [Entry]
  package var sessions: [Session]
  /// Clients connected now, parked ones included.
  package var clients: Int
  /// Clients that wait for a provider.
  package var parked: Int
  /// Bytes that all sessions keep until their providers have them.
  package var retainedBytes: Int
  /// Bytes that providers may send beyond the initial credit.
  package var grantedBytes: Int
  /// Every limit that has refused somebody.
  package var limits: [Limit]
  /// Counts since the start.
  package var totals: Totals

  package init(
    version: String,
    pid: Int32,
    uptimeSeconds: Double,
    isStopping: Bool = false,
    control: Address,
    entries: [Entry] = [],
    sessions: [Session] = [],
    clients: Int = 0,
    parked: Int = 0,
    retainedBytes: Int = 0,
    grantedBytes: Int = 0,
    limits: [Limit] = [],
    totals: Totals = Totals()
  ) {
    self.version = version
    self.pid = pid
    self.uptimeSeconds = uptimeSeconds
    self.isStopping = isStopping
    self.control = control
    self.entries = entries
    self.sessions = sessions
    self.clients = clients
    self.parked = parked
    self.retainedBytes = retainedBytes
    self.grantedBytes = grantedBytes
    self.limits = limits
    self.totals = totals
  }
}

extension AdminStatus {
  /// A bound address.
  package struct Address: Codable, Sendable, Equatable {
    package var address: String
    package var port: Int

    package init(
      address: String,
      port: Int
    ) {
      self.address = address
      self.port = port
    }
  }

  /// A port on which clients are accepted.
  package struct Entry: Codable, Sendable, Equatable {
    package var mode: String
    package var address: String
    package var port: Int
    /// The user whose providers serve it; absent while nobody claims it.
    package var owner: String?
    /// Sessions that serve it, those in grace included.
    package var providers: Int
    /// Those of them that take clients now.
    package var usableProviders: Int
    /// Its clients that wait for a provider.
    package var parked: Int

    package init(
      mode: String,
      address: String,
      port: Int,
      owner: String? = nil,
      providers: Int = 0,
      usableProviders: Int = 0,
      parked: Int = 0
    ) {
      self.mode = mode
      self.address = address
      self.port = port
      self.owner = owner
      self.providers = providers
      self.usableProviders = usableProviders
      self.parked = parked
    }
  }

  /// A provider's session.
  package struct Session: Codable, Sendable, Equatable {
    /// The first digits of its id.
    package var id: String
    package var name: String
    package var user: String
    /// The id of the token it came with; never the secret.
    package var token: String
    /// `connected`, `suspect` when its link is silent, or `grace` without a link.
    package var state: String
    /// The time left until its streams are reset; only in grace.
    package var graceLeftSeconds: Double?
    /// The newest last.
    package var links: [Link]
    /// The ports that it serves.
    package var services: [Address]
    package var streams: Int
    /// How often it was resumed.
    package var resumes: UInt64
    /// Bytes kept until the provider has them.
    package var retainedBytes: Int
    /// Bytes received that no client has read.
    package var unreadBytes: Int
    /// Stream bytes to the provider, without repetitions.
    package var bytesSent: UInt64
    /// Stream bytes from the provider, without repetitions.
    package var bytesReceived: UInt64

    package init(
      id: String,
      name: String,
      user: String,
      token: String,
      state: String,
      graceLeftSeconds: Double? = nil,
      links: [Link] = [],
      services: [Address] = [],
      streams: Int = 0,
      resumes: UInt64 = 0,
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
      self.links = links
      self.services = services
      self.streams = streams
      self.resumes = resumes
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
    /// Whether it carries what is new.
    package var isSending: Bool
    /// Smoothed; absent before the first measurement.
    package var roundTripMilliseconds: Double?
    package var ageSeconds: Double
    /// Bytes of the network, encryption included.
    package var bytesReceived: UInt64
    /// Bytes of the network, encryption included.
    package var bytesSent: UInt64

    package init(
      transport: String,
      address: String,
      isSending: Bool = true,
      roundTripMilliseconds: Double? = nil,
      ageSeconds: Double = 0,
      bytesReceived: UInt64 = 0,
      bytesSent: UInt64 = 0
    ) {
      self.transport = transport
      self.address = address
      self.isSending = isSending
      self.roundTripMilliseconds = roundTripMilliseconds
      self.ageSeconds = ageSeconds
      self.bytesReceived = bytesReceived
      self.bytesSent = bytesSent
    }
  }

  /// A limit and how often it refused somebody.
  package struct Limit: Codable, Sendable, Equatable {
    /// A name for scripts.
    package var name: String
    /// How often it refused somebody.
    package var reached: UInt64

    package init(
      name: String,
      reached: UInt64
    ) {
      self.name = name
      self.reached = reached
    }
  }

  /// Counts since the start.
  package struct Totals: Codable, Sendable, Equatable {
    /// Clients accepted.
    package var clients: UInt64
    /// Clients closed at once: a limit was reached, or nobody could serve them.
    package var clientsTurnedAway: UInt64
    /// Clients closed because no provider came in time.
    package var clientsParkedTooLong: UInt64
    /// Streams that a provider refused, each tried elsewhere if possible.
    package var streamsRefused: UInt64
    /// Sessions begun.
    package var sessions: UInt64
    /// Sessions resumed on another link.
    package var resumes: UInt64
    /// Providers refused for their credentials.
    package var authenticationFailures: UInt64
    /// Attempts refused unread because their address had failed too often.
    package var attemptsRefused: UInt64
    /// Connections closed, new ones or those furthest behind, because too many were shaking hands.
    package var handshakesRefused: UInt64

    package init(
      clients: UInt64 = 0,
      clientsTurnedAway: UInt64 = 0,
      clientsParkedTooLong: UInt64 = 0,
      streamsRefused: UInt64 = 0,
      sessions: UInt64 = 0,
      resumes: UInt64 = 0,
      authenticationFailures: UInt64 = 0,
      attemptsRefused: UInt64 = 0,
      handshakesRefused: UInt64 = 0
    ) {
      self.clients = clients
      self.clientsTurnedAway = clientsTurnedAway
      self.clientsParkedTooLong = clientsParkedTooLong
      self.streamsRefused = streamsRefused
      self.sessions = sessions
      self.resumes = resumes
      self.authenticationFailures = authenticationFailures
      self.attemptsRefused = attemptsRefused
      self.handshakesRefused = handshakesRefused
    }
  }
}
