import Foundation
import Testing

/// A server and a provider with a relay between them.
struct RelayedTunnel {
  let server: RunningServer
  let relay: Relay
  let provider: HawserProcess

  subscript(side: Side) -> HawserProcess {
    switch side {
    case .server: server.process
    case .provider: provider
    }
  }
}

/// One end of the link.
enum Side: String, CaseIterable, CustomTestStringConvertible {
  case server
  case provider

  var testDescription: String { rawValue }
}

extension Lab {
  /// Starts server, relay and provider, with the same grace on both sides.
  func tunnel(to port: Int, grace: String) throws -> RelayedTunnel {
    let server = try server(["--grace", grace, "--park", "60s"])
    let relay = try relay(to: server.controlPort)
    let provider = try provider(
      join: server.joinURL(through: relay.port),
      target: "127.0.0.1:\(port)",
      flags: ["--grace", grace]
    )
    return RelayedTunnel(server: server, relay: relay, provider: provider)
  }

  /// The only session in a server's status.
  func session(of server: RunningServer) throws -> [String: Any] {
    let sessions = try #require(try status(of: server)["sessions"] as? [[String: Any]])
    return sessions.count == 1 ? sessions[0] : [:]
  }
}
