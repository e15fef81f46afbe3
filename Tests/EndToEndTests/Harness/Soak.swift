import Foundation
import Synchronization
import Testing

/// A tunnel to an echo under load and faults, both drawn from a seed.
///
/// The clients run on threads of their own, the faults on the test's: what the clients do does not
/// depend on the moment at which a fault comes, and each has numbers of its own.
final class Soak {
  /// How the faults have been so far.
  private(set) var faults = FaultCounts()
  private let lab: Lab
  private let target: TargetServer
  private let server: RunningServer
  private let relay: Relay
  private var provider: HawserProcess
  private var numbers: SeededNumbers
  private let clients: SoakClients
  private var first: Levels?

  private static let grace = Duration.seconds(10)
  private static let flags = ["--grace", "10s"]
  private static let workers = 8

  init(in lab: Lab, seed: UInt64) throws {
    self.lab = lab
    numbers = SeededNumbers(seed: seed)
    target = lab.keep(try .echo())
    server = try lab.server(Self.flags + ["--park", "120s", "--log-level", "info"])
    relay = try lab.relay(to: server.controlPort)
    provider = try lab.provider(
      join: server.joinURL(through: relay.port),
      target: "127.0.0.1:\(target.port)",
      flags: Self.flags
    )
    clients = SoakClients(port: server.publicPort)
  }

  /// What the clients have seen so far.
  var tally: SoakClients.Tally { clients.tally }

  /// Runs one round; it is over when every client has finished its conversation.
  func run(for time: Duration) throws {
    let end = ContinuousClock.now + time
    let workers = (0..<Self.workers).map { _ in
      let seed = numbers.next()
      return Background { [clients] in clients.work(until: end, seed: seed) }
    }
    while ContinuousClock.now < end {
      letPass(.milliseconds(Int.random(in: 50...1500, using: &numbers)))
      try fault(timeLeft: end - .now)
    }
    try heal()
    for worker in workers { try worker.value(within: .seconds(180)) }
  }

  /// What is held when nothing is under way.
  func levelsAtRest() throws -> Levels {
    let levels = try lab.levelsAtRest(server, provider, noMoreDescriptorsThan: first)
    if first == nil { first = levels }
    return levels
  }

  private func heal() throws {
    try relay.speak()
    try relay.comeBack()
    try relay.delay(.zero)
    try relay.throttle(bytesPerSecond: Self.usualRate)
  }

  /// Bytes a second that the path carries without a fault; leaves the machine some of its cores.
  private static let usualRate = 12 << 20

  private func fault(timeLeft: Duration) throws {
    switch Int.random(in: 0..<20, using: &numbers) {
    case 0..<6:
      faults.cuts += 1
      try relay.cutOnce()
    case 6..<9:
      faults.outages += 1
      try relay.goDown()
      letPass(.milliseconds(Int.random(in: 50...2000, using: &numbers)))
      try relay.comeBack()
    case 9..<11:
      faults.silences += 1
      try relay.goSilent()
      letPass(.milliseconds(Int.random(in: 50...3000, using: &numbers)))
      try relay.speak()
    case 11..<13:
      faults.slowdowns += 1
      try relay.delay(.milliseconds(Int.random(in: 0...40, using: &numbers)))
      try relay.throttle(bytesPerSecond: Int.random(in: 200_000...8_000_000, using: &numbers))
    case 13..<15:
      try heal()
    case 15..<18:
      faults.suspensions += 1
      let process = Bool.random(using: &numbers) ? server.process : provider
      process.signal(SIGSTOP)
      letPass(.milliseconds(Int.random(in: 50...2000, using: &numbers)))
      process.signal(SIGCONT)
    case 18:
      faults.restarts += 1
      try clients.whileLosing {
        provider.kill()
        provider = try lab.provider(
          join: server.joinURL(through: relay.port),
          target: "127.0.0.1:\(target.port)",
          flags: Self.flags
        )
      }
    default:
      guard timeLeft > Self.grace else { return }
      faults.endedGraces += 1
      try clients.whileLosing {
        try relay.goDown()
        letPass(Self.grace + .seconds(2))
        try relay.comeBack()
        try wait(for: "the provider being back") {
          try lab.session(of: server)["state"] as? String == "connected"
        }
      }
    }
  }

  /// How many of each.
  struct FaultCounts: CustomStringConvertible {
    var cuts = 0
    var outages = 0
    var silences = 0
    var slowdowns = 0
    var suspensions = 0
    var restarts = 0
    var endedGraces = 0

    var description: String {
      """
      \(cuts) cuts, \(outages) outages, \(silences) silences, \(slowdowns) slowdowns, \
      \(suspensions) suspensions, \(restarts) restarts, \(endedGraces) ended graces
      """
    }
  }
}

/// The clients of a soak, and what they have seen.
final class SoakClients: Sendable {
  /// Sums over all clients so far.
  struct Tally: Sendable, CustomStringConvertible {
    var conversations = 0
    var bytes = 0
    /// Connections that ended early because a fault was one that nothing survives.
    var losses = 0
    var failures: [String] = []

    var description: String {
      "\(conversations) conversations, \(bytes >> 20) MiB, \(losses) lost as they had to be"
    }
  }

  private let port: Int
  private let state = Mutex((tally: Tally(), lossesBegun: 0, isLosing: false))

  init(port: Int) {
    self.port = port
  }

  var tally: Tally { state.withLock(\.tally) }

  /// Does what ends streams: connections that are open at any time of it may be reset.
  func whileLosing(_ fault: () throws -> Void) throws {
    state.withLock {
      $0.lossesBegun += 1
      $0.isLosing = true
    }
    defer { state.withLock { $0.isLosing = false } }
    try fault()
  }

  /// Has one conversation after the other.
  func work(until end: ContinuousClock.Instant, seed: UInt64) {
    var numbers = SeededNumbers(seed: seed)
    while ContinuousClock.now < end {
      let before = state.withLock { ($0.lossesBegun, $0.isLosing) }
      let result = Result { try converse(using: &numbers) }
      state.withLock { state in
        state.tally.conversations += 1
        switch result {
        case .success(let bytes):
          state.tally.bytes += bytes
        case .failure(let failure):
          if before.1 || state.isLosing || before.0 != state.lossesBegun, !(failure is WrongBytes) {
            state.tally.losses += 1
          } else {
            state.tally.failures.append("\(failure)")
          }
        }
      }
    }
  }

  /// Bytes that are not those which were sent: nothing excuses that.
  private struct WrongBytes: Error {
    let count: Int
  }

  /// Sends some bytes to the echo and gives how many came back.
  private func converse(using numbers: inout SeededNumbers) throws -> Int {
    // As many short ones as long ones: between 1 byte and 2 MiB.
    let magnitude = Double.random(in: 0...21, using: &numbers)
    let bytes = SeededBytes(seed: numbers.next()).prefix(Int(exp2(magnitude)))
    let habit = Int.random(in: 0..<8, using: &numbers)
    let client = try PlainSocket(port: port, patience: .seconds(120))
    let sending = Background {
      try client.write(bytes)
      client.finishWriting()
    }
    switch habit {
    case 0:
      // Leaves amid all of it.
      let portion = try client.read()
      client.reset()
      _ = try? sending.value()
      guard case .bytes(let received) = portion else {
        throw SocketFailure("\(portion) instead of the first byte", code: 0)
      }
      guard received[...] == bytes.prefix(received.count) else {
        throw WrongBytes(count: received.count)
      }
      return received.count
    case 1:
      // Takes its time before it reads.
      letPass(.milliseconds(Int.random(in: 10...1500, using: &numbers)))
    default:
      break
    }
    let (received, end) = try client.readAll()
    guard received[...] == bytes.prefix(received.count) else {
      throw WrongBytes(count: received.count)
    }
    guard end == .end, received.count == bytes.count else {
      throw SocketFailure("\(end) after \(received.count) of \(bytes.count) bytes", code: 0)
    }
    _ = try sending.value()
    return received.count
  }
}
