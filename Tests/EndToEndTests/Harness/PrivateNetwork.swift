import ChildProcess
import Foundation
import Testing

/// Two machines joined by a cable, of this test alone: network namespaces of Linux.
///
/// What a relay cannot do happens here in the kernel: packets vanish, those of the handshake too,
/// and an address goes away under a connection.
final class PrivateNetwork {
  /// The server's side, and its clients'.
  let server: Machine
  /// The provider's side, and its targets'.
  let provider: Machine
  static let serverAddress = "198.51.100.1"
  static let providerAddress = "198.51.100.2"

  /// Whether this process may make namespaces; asked once.
  static let isAllowed: Bool = {
    let attempt = Process()
    attempt.executableURL = URL(filePath: "/usr/bin/env")
    attempt.arguments = ["unshare", "--net", "true"]
    attempt.standardError = FileHandle.nullDevice
    guard (try? attempt.run()) != nil else { return false }
    attempt.waitUntilExit()
    return attempt.terminationStatus == 0
  }()

  fileprivate init(in lab: Lab) throws {
    server = try Machine(in: lab)
    provider = try Machine(in: lab)
    try server.run(["ip", "link", "set", "lo", "up"])
    try provider.run(["ip", "link", "set", "lo", "up"])
    try server.run([
      "ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns",
      "\(provider.id)",
    ])
    try server.addressOfCable("add", Self.serverAddress)
    try provider.addressOfCable("add", Self.providerAddress)
    try server.run(["ip", "link", "set", "cable", "up"])
    try provider.run(["ip", "link", "set", "cable", "up"])
  }

  /// Drops all that arrives over the cable on either side, without a word.
  func dropEverything() throws {
    for machine in [server, provider] { try machine.drop("iifname cable") }
  }

  /// Drops what comes from one port of the provider's machine or goes there: one connection.
  func drop(providerPort port: Int) throws {
    try server.drop("iifname cable tcp sport \(port)")
    try provider.drop("iifname cable tcp dport \(port)")
  }

  /// All passes again.
  func heal() throws {
    for machine in [server, provider] { try machine.run(["nft", "flush", "ruleset"]) }
  }
}

/// A network namespace, which lasts as long as a process in it that only sleeps.
final class Machine {
  private let holder: ChildProcess
  private let lab: Lab

  fileprivate init(in lab: Lab) throws {
    let log = lab.path("namespace.log").plainPath
    let holder = try ChildProcess(
      "unshare",
      ["--net", "--", "sleep", "600"],
      environment: ProcessInfo.processInfo.environment,
      folder: lab.directory.plainPath,
      output: log,
      errors: log
    )
    self.holder = holder
    self.lab = lab
    lab.atEnd { holder.kill() }
    let own = try Self.namespace("self")
    try wait(for: "a network namespace") {
      try #require(holder.isRunning, "no network namespace could be made")
      return (try? Self.namespace("\(holder.id)")).map { $0 != own } ?? false
    }
  }

  private static func namespace(_ process: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/net")
  }

  fileprivate var id: Int32 { holder.id }

  /// What starts a program on this machine.
  var launcher: [String] { ["nsenter", "--net=/proc/\(id)/ns/net", "--"] }

  /// Runs a command here that has to succeed.
  func run(_ command: [String]) throws {
    let words = launcher + command
    try lab.succeed(words[0], Array(words.dropFirst()))
  }

  /// Does something here on the calling thread: sockets that are made meanwhile stay here.
  func inside<Result>(_ body: () throws -> Result) throws -> Result {
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    let here = open("/proc/\(id)/ns/net", O_RDONLY | O_CLOEXEC)
    defer {
      close(home)
      close(here)
    }
    guard try Self.enter(here) else { throw SocketFailure("setns") }
    defer { _ = try? Self.enter(home) }
    return try body()
  }

  /// Moves the calling thread into a namespace. setns(2) is a GNU extension, which Swift's Glibc
  /// does not show.
  private static func enter(_ namespace: Int32) throws -> Bool {
    typealias Call = @convention(c) (Int32, Int32) -> Int32
    let address = try #require(dlsym(nil, "setns"), "this C library has no setns")
    return unsafeBitCast(address, to: Call.self)(namespace, 0) == 0
  }

  /// Adds an address (`add`) or takes it away (`del`).
  func addressOfCable(_ verb: String, _ address: String) throws {
    try run(["ip", "address", verb, "\(address)/24", "dev", "cable"])
  }

  fileprivate func drop(_ matching: String) throws {
    let rules = lab.path("rules")
    let chain = "type filter hook input priority 0; policy accept;"
    try "table inet fault {\n chain arriving {\n \(chain)\n \(matching) drop\n }\n}\n"
      .write(to: rules, atomically: true, encoding: .utf8)
    try run(["nft", "-f", rules.plainPath])
  }
}

extension Lab {
  /// Makes two machines and a cable, gone at the end of the test.
  func privateNetwork() throws -> PrivateNetwork { try PrivateNetwork(in: self) }

  /// Starts a server on one machine, and on the other a provider for a target there.
  func tunnel(
    across network: PrivateNetwork,
    to port: Int,
    grace: String
  ) throws -> (server: RunningServer, provider: HawserProcess) {
    let server = try server(
      ["--grace", grace, "--public-host", PrivateNetwork.serverAddress],
      address: "0.0.0.0",
      under: network.server.launcher
    )
    let provider = try provider(
      join: server.joinURL(),
      target: "127.0.0.1:\(port)",
      flags: ["--grace", grace],
      under: network.provider.launcher
    )
    return (server, provider)
  }

  /// The links of a server's only session: where they come from, and whether it sends on them.
  func links(of server: RunningServer) throws -> [(address: String, isSending: Bool)] {
    let links = try session(of: server)["links"] as? [[String: Any]] ?? []
    return try links.map { link in
      (
        try #require(link["address"] as? String),
        try #require(link["isSending"] as? Bool)
      )
    }
  }

  /// How often a server's only session was resumed.
  func resumes(of server: RunningServer) throws -> Int {
    try session(of: server)["resumes"] as? Int ?? 0
  }
}
