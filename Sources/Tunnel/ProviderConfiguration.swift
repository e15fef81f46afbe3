package import HawserCredentials
internal import HawserCryptography
package import HawserPrimitives
package import HawserRouting
package import HawserSession
package import HawserTLS

/// Which transports a provider uses.
package enum TransportChoice: Sendable, Hashable {
  /// TLS over TCP alone.
  case tcp
  /// KCP over encrypted UDP alone.
  case kcp
  /// KCP where it gets through, TCP otherwise.
  case auto
}

/// What a provider needs to know. The defaults are those of the command line.
package struct ProviderConfiguration: Sendable {
  /// Where the server is, who it is, and the token.
  package var join: JoinURL

  /// What is offered, at least one service.
  package var services: [ServiceEntry]

  /// For people: shown in the server's logs and status.
  package var name: String

  /// Stable across restarts of the same provider, so that the next process takes over from the
  /// last one at once; see ``clientID(machine:name:services:)``.
  package var client: RandomID

  /// Drawn anew by each process.
  package var process: RandomID

  /// How the server is reached.
  package var transport = TransportChoice.tcp

  /// How long the session outlives its last link; the lower one of both peers counts.
  package var grace: Duration = .seconds(90)

  /// How long ``Provider/stop()`` lets streams finish.
  package var drainTime: Duration = .seconds(10)

  /// How long a target may take to accept a connection.
  package var targetDialTimeout = TunnelLimits.targetDialTimeout

  /// Who may vouch for a server whose join URL has no key.
  package var trustedRoots = TrustedRoots.system

  /// What the session may use.
  package var sessionLimits = SessionLimits()

  /// - Parameters:
  ///   - join: The join URL.
  ///   - services: From the command line or a configuration.
  ///   - name: At most 255 bytes.
  ///   - client: Stable.
  package init(join: JoinURL, services: [ServiceEntry], name: String, client: RandomID) {
    self.join = join
    self.services = services
    self.name = name
    self.client = client
    var generator = SecureRandom()
    process = RandomID(using: &generator)
  }

  /// A client id that two runs of the same command on the same machine share, and others do not.
  ///
  /// - Parameters:
  ///   - machine: What tells machines apart: `/etc/machine-id`, or the host's name.
  ///   - name: The provider's.
  ///   - services: Its services.
  /// - Returns: A hash of all three; `nil` never, but for a hash function of another length.
  package static func clientID(
    machine: String,
    name: String,
    services: [ServiceEntry]
  ) -> RandomID? {
    let offers = services.map { service in
      switch service.entrance {
      case .serverEntry: "listen=\(service.target)"
      case .port(let port): "\(port)=\(service.target)"
      }
    }
    let text = ([machine, name] + offers).joined(separator: "\n")
    return RandomID(bytes: SHA256.hash(Array(text.utf8)).prefix(RandomID.byteCount))
  }
}
