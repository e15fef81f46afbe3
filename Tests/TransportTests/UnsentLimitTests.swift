import HawserTransport
import Testing

struct `The limit of unsent bytes` {
  @Test(arguments: [
    // 13 Mbit/s at 100 ms: 160 KB in flight, 16 KB in 10 ms.
    (160_000, Duration.milliseconds(100), 16_384),
    // 100 Mbit/s at 20 ms.
    (250_000, .milliseconds(20), 125_000),
    // A path at its start, and the loopback.
    (14_480, .milliseconds(100), 16_384), (655_350, .microseconds(50), 131_072),
    (0, .zero, 16_384), (.max, .zero, 131_072),
  ])
  func `is what the path takes in 10 ms`(window: Int, roundTrip: Duration, bytes: Int) {
    var limit = UnsentLimit()
    _ = limit.adapt(window: window, roundTrip: roundTrip)
    #expect(limit.bytes == bytes)
  }

  @Test func `is left alone when little changes`() {
    var limit = UnsentLimit()
    let roundTrip = Duration.milliseconds(100)
    var changes: [Bool] = []
    for window in [500_000, 600_000, 400_000, 300_000] {
      changes.append(limit.adapt(window: window, roundTrip: roundTrip))
    }
    #expect(changes == [true, false, false, true])
    #expect(limit.bytes == 30_000)
  }
}
