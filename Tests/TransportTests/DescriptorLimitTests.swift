import Glibc
import HawserTransport
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `A TCP listener without descriptors` {
  /// In a process of its own, whose limit it lowers.
  @Test func `pauses, doesn't spin, and accepts again`() async {
    await #expect(processExitsWith: .success) {
      try await LinkBench.with { bench in
        let (client, server) = try await bench.pair()
        // What is free: one for a connection from here and none for accepting it.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let lowest = dup(0)
        close(lowest)
        var lowered = limit
        lowered.rlim_cur = rlim_t(lowest) + 1
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered) == 0)
        let stranger = PlainSockets()
        try stranger.connect(to: bench.port)

        let start = clock()
        try await bench.loop.scheduleTask(in: .milliseconds(500)) {}.futureResult.get()
        let milliseconds = (clock() - start) * 1000 / CLOCKS_PER_SEC
        try #require(milliseconds < 100, "it spins")

        // What is open works.
        try await client.run { $0.send([ByteBuffer(string: "still here")]) }
        try await server.wait { $0.received == [ByteBuffer(string: "still here")] }

        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let late = try await bench.dial()
        try await late.wait { $0.isReady }
      }
    }
  }
}
