import Foundation
import Synchronization
import Testing

/// A server that is attacked while an honest provider's client goes on: what the attack costs the
/// server, and whether anybody else notices.
final class Siege {
  let lab: Lab
  let server: RunningServer
  /// The id of the honest provider's session.
  fileprivate let honestSession: String
  private let witness: Witness
  private let cpuBefore: Duration
  private let memoryBefore: Int

  fileprivate init(in lab: Lab, flags: [String]) throws {
    self.lab = lab
    let target = lab.keep(try .echo())
    server = try lab.server(["--grace", "30s"] + flags)
    _ = try lab.provider(
      join: server.joinURL(),
      target: "127.0.0.1:\(target.port)",
      name: "honest"
    )
    honestSession = try #require(
      lab.session(of: server, named: "honest")["id"] as? String
    )
    witness = try Witness(at: server.publicPort)
    cpuBefore = try server.process.cpuTime()
    memoryBefore = try server.process.residentBytes()
  }

  /// Connects an attacker and finishes TLS.
  func peer() throws -> HostilePeer { try HostilePeer(to: server) }

  /// Waits for the only line of the server's log with these texts, and makes sure that it is alone.
  func expectOneLine(_ texts: String..., attack: String = "") throws {
    try expectLines(1, with: texts, attack: attack)
  }

  /// Waits for so many lines of the server's log with a text, and makes sure that there are not
  /// more.
  func expectLines(_ count: Int, with text: String) throws {
    try expectLines(count, with: [text], attack: "")
  }

  private func expectLines(_ wanted: Int, with texts: [String], attack: String) throws {
    func count() -> Int {
      server.process.logText.split(separator: "\n").count { line in
        texts.allSatisfy { line.contains($0) }
      }
    }
    try wait(for: "\(wanted) lines with \(texts) \(attack)") { count() >= wanted }
    #expect(count() == wanted, "\(texts) \(attack)")
  }

  /// Checks the cost so far.
  ///
  /// Memory is the resident set's growth. Processor time includes what the witness's bytes cost,
  /// some hundredths of a second for each second; it is that of a build for debugging, which is
  /// several times slower.
  fileprivate func expectCost(within cpuLimit: Duration, bytes: Int) throws {
    let cpu = try server.process.cpuTime() - cpuBefore
    let memory = try server.process.residentBytes() - memoryBefore
    print("the attack cost the server \(cpu) of CPU and \(memory >> 10) KiB; \(witness.summary)")
    #expect(cpu < cpuLimit)
    #expect(memory < bytes)
  }

  fileprivate func expectWitnessUnharmed() throws {
    try witness.finish()
  }
}

/// Runs a test of an attack: afterwards the server runs, has spent no more than that, and the
/// honest client has been served all the time and still is, on one stream of one session.
func withSiege(
  _ transport: TransportUnderTest,
  flags: [String] = [],
  load: LabLoad = .work,
  cpu: Duration,
  bytes: Int,
  _ body: @Sendable (Siege) throws -> Void
) async throws {
  try await withLab(transport, load: load) { lab in
    let siege = try Siege(in: lab, flags: flags)
    try body(siege)
    try siege.expectCost(within: cpu, bytes: bytes)
    try siege.expectWitnessUnharmed()
    #expect(siege.server.process.isRunning)
    let session = try lab.session(of: siege.server, named: "honest")["id"] as? String
    #expect(session == siege.honestSession)
  }
}

extension Lab {
  /// The session of the provider with that name, in a server's status.
  func session(of server: RunningServer, named name: String) throws -> [String: Any] {
    let sessions = try #require(try status(of: server)["sessions"] as? [[String: Any]])
    return try #require(sessions.first { $0["name"] as? String == name })
  }
}

/// A client that exchanges a line with an echo every few milliseconds.
private final class Witness: Sendable {
  private let isOver = Handover<Void>()
  private let answers = Answers()
  private let work: Background<Void>

  /// What it got so far.
  private final class Answers: Sendable {
    private let state = Mutex((count: 0, longest: Duration.zero))

    var count: Int { state.withLock { $0.count } }
    var longest: Duration { state.withLock { $0.longest } }

    func add(after time: Duration) {
      state.withLock { $0 = ($0.count + 1, max($0.longest, time)) }
    }
  }

  init(at port: Int) throws {
    let client = try PlainSocket(port: port, patience: .seconds(30))
    try client.exchange("first\n")
    work = Background { [isOver, answers] in
      while isOver.take(within: .milliseconds(5)) == nil {
        let from = ContinuousClock.now
        try client.exchange("line\n")
        answers.add(after: ContinuousClock.now - from)
      }
    }
  }

  var summary: String {
    "the witness had \(answers.count) answers, the slowest after \(answers.longest)"
  }

  /// Has it exchange some lines more, and ends it; throws what went wrong.
  func finish() throws {
    let before = answers.count
    try wait(for: "the witness being served after the attack") {
      work.isOver || answers.count > before + 5
    }
    isOver.put(())
    try work.value(within: .seconds(40))
  }
}
