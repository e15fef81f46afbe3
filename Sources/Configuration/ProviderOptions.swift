package import HawserCredentials
package import HawserRouting

/// The options of `hawser provider`. The keys are the names of the long flags, and `target`.
package struct ProviderOptions: Sendable {
  /// How to reach the server.
  package enum Transport: String, Sendable, CaseIterable {
    case tcp, kcp, auto
  }

  /// Where the join URL comes from. It is a secret.
  package enum Join: Sendable, Equatable {
    /// `join`, or `HAWSER_JOIN`.
    case url(JoinURL)
    /// `join-file`: a file that holds the URL, or a server's ready file.
    case file(String)
  }

  package var join: Join?
  /// `transport`.
  package var transport = Transport.tcp
  /// `name`: what the server shows for this provider; `nil` means the host's name.
  package var name: String?
  /// `grace`: how long a session outlives its last link, at most; the server's counts if lower.
  package var grace: Duration = .seconds(90)
  /// `ready-file`: written when the server has registered the services.
  package var readyFile: String?
  /// `target`, or the argument, for the server's `listen` port; and `tcp`, each `PORT=TARGET`.
  package var services: [ServiceEntry] = []
  package var logging: LoggingOptions

  /// Reads the options and checks that they fit each other.
  package init(_ sources: OptionReader.Sources) throws(ConfigurationError) {
    var reader = OptionReader(sources)
    self.init(reading: &reader)
    try reader.finish()
  }

  init(reading reader: inout OptionReader) {
    logging = LoggingOptions(reading: &reader)
    join = Self.join(reading: &reader)
    reader.read("transport", as: .choice, into: &transport)
    name = reader.read("name", as: .text("a name"))
    reader.read("grace", as: .grace, into: &grace)
    readyFile = reader.read("ready-file", as: .text("the path of a file"))
    services = Self.services(reading: &reader)
  }

  private static func services(reading reader: inout OptionReader) -> [ServiceEntry] {
    let form = "PORT, host:port, [v6]:port or unix:/path"
    let target = reader.read(
      "target",
      as: ValueKind(form) { text in
        _ = try TargetAddress(text: text)
        return text
      }
    )
    let mappings = reader.readList(
      "tcp",
      of: ValueKind("PORT=TARGET, the target as \(form)") { text in
        _ = try ServiceEntry(portMapping: text)
        return text
      }
    )
    guard !reader.hasProblems else { return [] }
    do throws(RoutingError) {
      return try ServiceEntry.list(portMappings: mappings, target: target)
    } catch {
      reader.reject(mappings.isEmpty ? "target" : "tcp", because: "\(error)")
      return []
    }
  }

  /// A flag wins over the environment whichever of the two options it is, and so on.
  private static func join(reading reader: inout OptionReader) -> Join? {
    let url = reader.read(
      "join",
      as: ValueKind("a join URL: hawser://…", isSecret: true) { try JoinURL(text: $0) }
    )
    let file = reader.read("join-file", as: .text("the path of a file that holds the join URL"))
    guard reader.isGiven("join") || reader.isGiven("join-file") else {
      reader.reject(
        "join",
        because: """
          the server is not named: give --join URL, --join-file FILE or HAWSER_JOIN \
          (`hawser server` prints the join URL)
          """
      )
      return nil
    }
    guard let joinIsFirst = reader.isGiven("join", before: "join-file") else {
      reader.reject("join-file", because: "`join` and `join-file` exclude each other")
      return nil
    }
    return joinIsFirst ? url.map { .url($0) } : file.map { .file($0) }
  }
}
