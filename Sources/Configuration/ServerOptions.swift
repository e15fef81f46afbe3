internal import HawserPrimitives

/// The options of `hawser server`. The keys are the names of the long flags.
package struct ServerOptions: Sendable {
  /// What providers may come over.
  package enum Transports: String, Sendable, CaseIterable {
    case tcp
    case tcpAndKCP = "tcp,kcp"
  }

  /// `transport`: KCP takes the UDP port of the control port's number.
  package var transports = Transports.tcpAndKCP
  /// `control`: the port on which providers are accepted.
  package var controlPort: UInt16 = 9887
  /// `listen`: the port of the entry for clients.
  package var listenPort: UInt16 = 8080
  /// `address`: where both ports are bound.
  package var address = "0.0.0.0"
  /// `public-host`: the host in the join URL; `nil` lets the address decide.
  package var publicHost: String?
  /// `state`: the folder of the identity, the tokens and the administration socket.
  package var stateDirectory: String?
  /// `grace`: how long a session outlives its last link, at most.
  package var grace: Duration = .seconds(90)
  /// `park`: how long a client waits while no provider is there.
  package var park: Duration = .seconds(30)
  /// `drain`: how long streams may go on after the server was asked to stop.
  package var drain: Duration = .seconds(10)
  /// `max-clients`: the most client connections at a time; `nil` leaves it to the descriptor limit.
  package var maximumClients: Int?
  /// `certificate`, `certificate-key`: PEM files of a certificate that an authority signed.
  package var certificate: CertificateFiles?
  /// `ready-file`: written when everything is bound.
  package var readyFile: String?
  package var logging: LoggingOptions

  /// Reads the options and checks that they fit each other.
  package init(_ sources: OptionReader.Sources) throws(ConfigurationError) {
    var reader = OptionReader(sources)
    self.init(reading: &reader)
    try reader.finish()
  }

  init(reading reader: inout OptionReader) {
    logging = LoggingOptions(reading: &reader)
    reader.read("transport", as: .choice, into: &transports)
    reader.read("control", as: .port, into: &controlPort)
    reader.read("listen", as: .port, into: &listenPort)
    reader.read("address", as: .text("an address to bind such as 0.0.0.0"), into: &address)
    publicHost = reader.read("public-host", as: .host)
    stateDirectory = reader.read("state", as: .text("the path of a folder"))
    reader.read("grace", as: .grace, into: &grace)
    reader.read("park", as: .duration(in: .zero ... .seconds(600)), into: &park)
    reader.read("drain", as: .duration(in: .zero ... .seconds(3600)), into: &drain)
    maximumClients = reader.read("max-clients", as: .count(atLeast: 1))
    let chain = reader.read("certificate", as: .text("the path of a PEM file"))
    let key = reader.read("certificate-key", as: .text("the path of a PEM file"))
    switch (chain, key) {
    case (let chain?, let key?): certificate = CertificateFiles(chain: chain, key: key)
    case (nil, nil): break
    case (nil, _): reader.reject("certificate-key", because: "`certificate` is missing")
    case (_, nil): reader.reject("certificate", because: "`certificate-key` is missing")
    }
    readyFile = reader.read("ready-file", as: .text("the path of a file"))
    if controlPort == listenPort, controlPort != 0 {
      reader.reject("listen", because: "`listen` and `control` can't be the same port")
    }
  }
}

/// Where a certificate that clients without a pinned key can check is kept.
package struct CertificateFiles: Sendable, Hashable {
  /// The leaf, then its issuers.
  package var chain: String
  /// The leaf's key, ECDSA or RSA, not encrypted.
  package var key: String
}

extension ValueKind where Value == Duration {
  /// The time that a session outlives its last link: up to a day, after which retained bytes are
  /// more probably a leak than a hope (chosen).
  static var grace: Self { .duration(in: .seconds(1) ... .seconds(86_400)) }
}

extension ValueKind where Value == String {
  /// A host name or an IP address, without port or scheme.
  static var host: Self {
    ValueKind("a host name or an IP address, without scheme or port") { text in
      _ = try Host(text)
      return text
    }
  }
}
