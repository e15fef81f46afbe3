import Glibc
import HawserTransport
import NIOCore
import NIOEmbedded
import Testing

struct `The gate of a listener` {
  private static let shortage = IOError(errnoCode: EMFILE, reason: "accept")

  /// A channel of virtual time, and what it was told last.
  private struct Bench {
    let channel = EmbeddedChannel()
    let gate: AcceptGate

    init(isOpen: Bool = true) throws {
      gate = AcceptGate { _ in }
      gate.isOpen = isOpen
      try channel.pipeline.syncOperations.addHandler(gate)
    }

    var isAccepting: Bool {
      let last = channel.options.last { $0.0 is ChannelOptions.Types.AutoReadOption }
      return last?.1 as? Bool ?? true
    }

    func runShort() {
      channel.pipeline.fireErrorCaught(`The gate of a listener`.shortage)
    }

    func pass(_ time: Duration) {
      channel.embeddedEventLoop.advanceTime(by: TimeAmount(time))
    }
  }

  @Test func `pauses when the system is short of descriptors, and accepts again`() throws {
    let bench = try Bench()
    #expect(bench.isAccepting)
    bench.runShort()
    #expect(!bench.isAccepting)
    bench.pass(TransportLimits.acceptPause)
    #expect(bench.isAccepting)
  }

  @Test func `stays shut at the end of a pause when its owner has shut it`() throws {
    let bench = try Bench()
    bench.runShort()
    bench.gate.isOpen = false
    bench.pass(TransportLimits.acceptPause)
    #expect(!bench.isAccepting)
    bench.gate.isOpen = true
    #expect(bench.isAccepting)
  }

  @Test func `stays shut until the end of a pause when its owner opens it`() throws {
    let bench = try Bench()
    bench.gate.isOpen = false
    bench.runShort()
    bench.gate.isOpen = true
    #expect(!bench.isAccepting)
    bench.pass(TransportLimits.acceptPause)
    #expect(bench.isAccepting)
  }

  @Test func `can be shut before there is a socket`() throws {
    #expect(!(try Bench(isOpen: false)).isAccepting)
  }
}
