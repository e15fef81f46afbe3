/// The options of `hawser provider`. The keys are the names of the long flags, and `target`.
package struct ProviderOptions: Sendable {
  /// How to reach the server.
  package enum Transport: String, Sendable, CaseIterable {
    case tcp
  }

  /// Where the join URL comes from. It is a secret.
  package enum Join: Sendable, Equatable {
    /// `join`, or `HAWSER_JOIN`.
    case url(String)
    /// `join-file`: a file that holds the URL, or a server's ready file.
    case file(String)
  }

  package var join: Join
  /// `transport`.
  package var transport = Transport.tcp
  /// `name`: what the server shows for this provider; `nil` means the host's name.
  package var name: String?
  /// `grace`: how long a session outlives its last link, at most; the server's counts if lower.
  package var grace: Duration = .seconds(90)
  /// `ready-file`: written when the server has registered the services.
  package var readyFile: String?
  /// `tcp`: services with a port of their own on the server, each `PORT=TARGET`.
  package var portServices: [String]
  /// `target`, or the argument: what is served on the server's `listen` port.
  package var target: String?
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
    portServices = reader.readList("tcp", of: .text("PORT=TARGET"))
    target = reader.read("target", as: .text("a target"))
    if target == nil, portServices.isEmpty, !reader.isGiven("tcp") {
      reader.reject("target", because: "nothing to serve: give a TARGET, or --tcp PORT=TARGET")
    }
  }

  /// A flag wins over the environment whichever of the two options it is, and so on.
  private static func join(reading reader: inout OptionReader) -> Join {
    let url = reader.read("join", as: .text("a join URL: hawser://…", isSecret: true))
    let file = reader.read("join-file", as: .text("the path of a file that holds the join URL"))
    guard reader.isGiven("join") || reader.isGiven("join-file") else {
      reader.reject(
        "join",
        because: """
          the server is not named: give --join URL, --join-file FILE or HAWSER_JOIN \
          (`hawser server` prints the join URL)
          """
      )
      return .url("")
    }
    guard let joinIsFirst = reader.isGiven("join", before: "join-file") else {
      reader.reject("join-file", because: "`join` and `join-file` exclude each other")
      return .url("")
    }
    return joinIsFirst ? .url(url ?? "") : .file(file ?? "")
  }
}
