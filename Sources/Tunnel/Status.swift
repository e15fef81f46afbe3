/// A listening socket.
package struct BoundAddress: Sendable, Hashable, Codable {
  /// `control`, or the entry's mode.
  package var mode: String
  package var address: String
  package var port: UInt16

  package init(mode: String, address: String, port: UInt16) {
    self.mode = mode
    self.address = address
    self.port = port
  }
}

/// What a server has bound at its start.
package struct BoundServer: Sendable, Hashable, Codable {
  package var control: BoundAddress
  package var entries: [BoundAddress]
}

/// A service of a provider and where clients reach it.
package struct RegisteredService: Sendable, Hashable, Codable {
  package var target: String
  package var mode: String
  /// The address that the server's listener is bound to.
  package var address: String
  package var port: UInt16
}

/// What a server has counted since its start.
package struct ServerCounters: Sendable, Hashable {
  package var clients: UInt64 = 0
  package var turnedAway: UInt64 = 0
  package var parkedTooLong: UInt64 = 0
  package var refusedByBackend: UInt64 = 0
  package var sessionsBegun: UInt64 = 0
  package var sessionsResumed: UInt64 = 0
  package var authenticationFailures: UInt64 = 0
  /// Clients refused, by the limit that they would have exceeded.
  package var limitsReached: [ClientCounts.Limit: UInt64] = [:]

  package init() {}
}

/// What a provider has counted since its start.
package struct ProviderCounters: Sendable, Hashable, Codable {
  package var attempts: UInt64 = 0
  package var sessions: UInt64 = 0
  package var resumes: UInt64 = 0
  package var streams: UInt64 = 0

  package init() {}
}

/// A server at one moment, for the administration socket.
package struct ServerStatus: Sendable, Codable {
  package var uptimeSeconds: Double
  package var isStopping: Bool
  package var entries: [EntryStatus]
  package var sessions: [SessionStatus]
  /// Clients connected now, those parked included.
  package var clients: Int
  /// Clients that wait for a provider.
  package var parked: Int
  /// Bytes retained by all sessions.
  package var retainedBytes: Int
  /// Credit of all sessions above the initial one, in bytes.
  package var receiveBytes: Int
  package var counters: CounterStatus
}

/// One entry at one moment.
package struct EntryStatus: Sendable, Codable {
  package var name: String
  package var mode: String
  package var address: String
  package var port: UInt16
  /// The user whose providers serve it; `nil` while nobody claims it.
  package var owner: String?
  package var backends: Int
  package var usableBackends: Int
  package var parked: Int
}

/// One session at one moment.
package struct SessionStatus: Sendable, Codable {
  /// Whether a link is there.
  package enum State: String, Sendable, Codable {
    case attached, suspect, grace
  }

  /// The first digits of the session's id.
  package var id: String
  package var state: State
  /// What is left of the grace; `nil` while a link is attached.
  package var graceLeftSeconds: Double?
  /// The server's view: whose token. `nil` in a provider's status.
  package var user: String?
  package var token: String?
  /// The provider's name.
  package var name: String
  /// The newest last.
  package var links: [LinkStatus]
  package var streams: Int
  package var services: [BoundAddress]
  package var retainedBytes: Int
  package var unreadBytes: Int
  /// Stream payload, without repetitions.
  package var bytesIn: UInt64
  package var bytesOut: UInt64
  /// The highest epoch attached: 1 and the number of resumptions.
  package var attachments: UInt64
}

/// One link at one moment.
package struct LinkStatus: Sendable, Codable {
  package var transport: String
  package var address: String
  package var isSending: Bool
  package var isSuspect: Bool
  package var roundTripMilliseconds: Double?
  package var ageSeconds: Double
  /// Bytes of the network, encryption included.
  package var bytesIn: UInt64
  package var bytesOut: UInt64
  package var recordsUnreported: Int
}

/// The server's counters and those of what it uses.
package struct CounterStatus: Sendable, Codable {
  package var clients: UInt64
  package var turnedAway: UInt64
  package var parkedTooLong: UInt64
  package var refusedByBackend: UInt64
  package var sessionsBegun: UInt64
  package var sessionsResumed: UInt64
  package var authenticationFailures: UInt64
  package var attemptsRefused: UInt64
  package var handshakesRefused: UInt64
  /// Clients refused, by the limit's name.
  package var limitsReached: [String: UInt64]
}

/// A provider at one moment.
package struct ProviderStatus: Sendable, Codable {
  package var uptimeSeconds: Double
  package var isStopping: Bool
  package var server: String
  /// `nil` while there is none.
  package var session: SessionStatus?
  package var services: [RegisteredService]
  package var counters: ProviderCounters
}
