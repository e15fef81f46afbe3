package import HawserCryptography
package import HawserSession
package import HawserTLS

/// What a server needs to know. The defaults are those of the command line.
package struct ServerConfiguration: Sendable {
  /// The address that the control port and every entry are bound to.
  package var address = "0.0.0.0"

  /// The port for providers; 0 picks a free one.
  package var controlPort: UInt16 = 9887

  /// Whether providers may come over KCP, on the UDP port of the same number.
  package var offersKCP = true

  /// The port for clients of services that name none; 0 picks a free one, `nil` is none.
  package var listenPort: UInt16? = 8080

  /// Who the server is.
  package var identity: ServerIdentity

  /// Presented to providers whose join URL has no key, beside the identity's own; `nil` is none.
  package var authoritySigned: AuthoritySignedCertificate?

  /// How long a session outlives its last link; the lower one of both peers counts.
  package var grace: Duration = .seconds(90)

  /// How long a client waits for a provider.
  package var parkingPatience = TunnelLimits.parkingPatience

  /// Clients that may wait at once, over all entries.
  package var parkedClients = TunnelLimits.parkedClients

  /// How many clients there may be.
  package var clientLimits = ClientLimits()

  /// How long ``Server/stop()`` lets streams finish.
  package var drainTime: Duration = .seconds(10)

  /// How long a port is kept that nobody claims any more.
  package var unclaimedEntryPatience = TunnelLimits.unclaimedEntryPatience

  /// Open files and sockets that the process may have; `nil` is the system's hard limit.
  package var descriptorLimit: Int?

  /// What one session may use.
  package var sessionLimits = SessionLimits()

  package init(identity: ServerIdentity) {
    self.identity = identity
  }
}

/// The most clients at once; `nil` leaves it to the descriptor limit.
package struct ClientLimits: Sendable, Hashable {
  /// Of the whole server.
  package var server: Int?
  /// Of one entry.
  package var entry: Int?
  /// Of all entries that one user's providers claim.
  package var user: Int?
  /// Streams to one provider.
  package var provider: Int?

  package init(
    server: Int? = nil,
    entry: Int? = nil,
    user: Int? = nil,
    provider: Int? = nil
  ) {
    self.server = server
    self.entry = entry
    self.user = user
    self.provider = provider
  }
}
