import Foundation
import HawserPrimitives
import HawserTransport
import NIOCore
import Testing

/// A measurement for people, not a test: `HAWSER_MEASURE=1 swift test -c release --filter
/// Throughput`.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["HAWSER_MEASURE"] != nil))
struct `Throughput of a TCP link on loopback` {
  @Test(arguments: [1, 2])
  func `one way`(threads: Int) async throws {
    let total = 2 << 30
    let sending = try await LinkBench()
    let receiving = threads == 1 ? sending : try await LinkBench()
    let sender = try await sending.dial(port: receiving.port)
    let receiver = try await receiving.accepted(0)
    try await sender.wait { $0.isReady }
    try await receiver.wait { $0.isReady }
    try await receiver.run { $0.keepsReceived = false }
    let payload = ByteBuffer(repeating: 0x5A, count: TransportLimits.recordBytes)
    let clock = ContinuousClock()
    let start = clock.now
    let cpuStart = Self.cpuSeconds
    try await sender.run { user in
      var sent = 0
      var number: UInt64 = 0
      user.source = { buffer in
        guard sent < total else { return nil }
        buffer.writeImmutableBuffer(payload)
        sent += payload.readableBytes
        defer { number += 1 }
        return RecordNumber(number)
      }
      user.link?.wake()
    }
    try await receiver.wait { $0.receivedBytes >= total }
    let seconds = (clock.now - start) / .seconds(1)
    let rate = Double(total) / 1e6 / seconds
    let roundTrip = try await sender.run { $0.link?.statistics.smoothedRoundTrip }
    let cpu = (Self.cpuSeconds - cpuStart) * 1e9 / (Double(total) / 1024)
    print(
      "\(threads) thread(s): \(Int(rate)) MB/s, \(Int(cpu)) ns of CPU per KiB at both ends,",
      "round trip \(String(describing: roundTrip))"
    )
    try await sending.group.shutdownGracefully()
    if threads > 1 { try await receiving.group.shutdownGracefully() }
  }

  /// Processor time of the process so far.
  private static var cpuSeconds: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
}
