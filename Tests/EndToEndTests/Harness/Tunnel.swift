import Foundation
import Testing

/// A server, and what one needs to join it.
struct RunningServer {
  let process: HawserProcess
  let ready: Ready
  /// Its state folder.
  let state: URL

  var controlPort: Int { ready.control?.port ?? 0 }
  /// The port of the `--listen` entry.
  var publicPort: Int { ready.entries?.first?.port ?? 0 }

  func joinURL() throws -> String { try #require(ready.join) }

  /// The join URL with another port, that of a relay on the way.
  func joinURL(through port: Int) throws -> String {
    try joinURL().replacing(":\(controlPort)?", with: ":\(port)?")
  }
}

extension Lab {
  /// Starts a server on free ports and waits until it is ready.
  func server(
    _ flags: [String] = [],
    state given: URL? = nil,
    address: String = "127.0.0.1",
    control: Int = 0,
    listen: Int = 0,
    environment: [String: String] = [:],
    under launcher: [String] = []
  ) throws -> RunningServer {
    let state = given ?? path("state")
    let readyFile = path("server.json")
    let process = try start(
      [
        "server", "--control", "\(control)", "--listen", "\(listen)", "--address", address,
        "--state", state.path(percentEncoded: false),
        "--ready-file", readyFile.path(percentEncoded: false), "--log-level", "debug",
      ] + flags,
      name: "server",
      environment: environment,
      readyFile: readyFile,
      under: launcher
    )
    return RunningServer(process: process, ready: try process.ready(), state: state)
  }

  /// Starts a provider without waiting for it.
  func startProvider(
    join: String,
    target: String,
    name: String = "provider",
    flags: [String] = [],
    environment: [String: String] = [:],
    under launcher: [String] = []
  ) throws -> HawserProcess {
    let readyFile = path("\(name).json")
    // The join URL is a secret: a command line can be read by others, an environment cannot.
    return try start(
      [
        "provider", "--transport", transport.rawValue, "--name", name,
        "--ready-file", readyFile.path(percentEncoded: false), "--log-level", "debug",
      ] + flags + [target],
      name: name,
      environment: environment.merging(["HAWSER_JOIN": join]) { $1 },
      readyFile: readyFile,
      under: launcher
    )
  }

  /// Starts a provider and waits until its services are registered.
  func provider(
    join: String,
    target: String,
    name: String = "provider",
    flags: [String] = [],
    environment: [String: String] = [:],
    under launcher: [String] = []
  ) throws -> HawserProcess {
    let process = try startProvider(
      join: join,
      target: target,
      name: name,
      flags: flags,
      environment: environment,
      under: launcher
    )
    _ = try process.ready()
    return process
  }

  /// What `hawser status --json` says, as a dictionary.
  func status(of server: RunningServer) throws -> [String: Any] {
    let finished = try run(
      ["status", "--state", server.state.path(percentEncoded: false), "--json"]
    )
    try #require(finished.status == 0, "\(finished.errors)")
    let value = try JSONSerialization.jsonObject(with: Data(finished.output.utf8))
    return try #require(value as? [String: Any])
  }
}

extension RunningServer {
  /// A client's connection.
  func client(patience: Duration = .seconds(60)) throws -> PlainSocket {
    try PlainSocket(port: publicPort, patience: patience)
  }
}

extension PlainSocket {
  /// Sends a line to an echo and waits for it.
  func exchange(_ line: String) throws {
    try write(line)
    let answer = try read(exactly: line.utf8.count)
    try #require(String(decoding: answer, as: UTF8.self) == line)
  }
}
