import Foundation
import HawserFaultRelay
import NIOPosix

/// The path between provider and server, with faults on command.
final class Relay {
  /// Where the provider connects to.
  let port: Int
  /// How many connections have been cut.
  private(set) var cutCount = 0
  private let relay: FaultRelay

  fileprivate init(to port: Int) throws {
    relay = try blocking {
      try await FaultRelay.start(
        listen: "127.0.0.1",
        port: 0,
        to: "127.0.0.1",
        port: port,
        on: MultiThreadedEventLoopGroup.singleton
      )
    }
    self.port = relay.port
  }

  /// Resets the connections that are there, waiting for one if there is none.
  func cutOnce() throws {
    try wait(for: "a connection to cut") { [relay] in
      let count = try blocking { try await relay.cut() }
      self.cutCount += count
      return count > 0
    }
  }

  /// From now on connections are reset, those that are there too.
  func goDown() throws {
    try blocking { [relay] in try await relay.refuse(true) }
    try cutOnce()
  }

  /// New connections pass again.
  func comeBack() throws {
    try blocking { [relay] in try await relay.refuse(false) }
  }

  /// Nothing passes in either direction, and nobody is told.
  func goSilent() throws {
    try blocking { [relay] in try await relay.silence(true) }
  }

  /// Ends the silence.
  func speak() throws {
    try blocking { [relay] in try await relay.silence(false) }
  }

  /// Holds every byte for that long, each way.
  func delay(_ time: Duration) throws {
    try blocking { [relay] in try await relay.delay(time) }
  }

  /// Lets no more than that many bytes a second through, each way; nil lets all through.
  func throttle(bytesPerSecond: Int?) throws {
    try blocking { [relay] in try await relay.throttle(bytesPerSecond: bytesPerSecond) }
  }

  /// Resets the connections again and again while work is done, each time after a number of bytes
  /// that the seed draws from the range: so the cuts come amid the transfer on any machine.
  func cutting(
    afterBytes range: ClosedRange<Int>,
    seed: UInt64,
    while work: () throws -> Void
  ) throws {
    let isOver = Handover<Void>()
    let cutting = Background { [relay] in
      var numbers = SeededNumbers(seed: seed)
      var cuts = 0
      var passed = try blocking { try await relay.counters().bytesBothWays }
      while isOver.take(within: .zero) == nil {
        let next = passed + UInt64(Int.random(in: range, using: &numbers))
        while passed < next, isOver.take(within: .milliseconds(10)) == nil {
          passed = try blocking { try await relay.counters().bytesBothWays }
        }
        if passed >= next { cuts += try blocking { try await relay.cut() } }
      }
      return cuts
    }
    do {
      defer { isOver.put(()) }
      try work()
    }
    cutCount += try cutting.value()
  }

  fileprivate func stop() {
    try? blocking { [relay] in await relay.stop() }
  }
}

extension RelayCounters {
  fileprivate var bytesBothWays: UInt64 { bytesUp + bytesDown }
}

extension Lab {
  /// Starts a relay to a port, which ends with the test.
  func relay(to port: Int) throws -> Relay {
    let relay = try Relay(to: port)
    atEnd { relay.stop() }
    return relay
  }
}
