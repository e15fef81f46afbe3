import HawserCredentials
import HawserPrimitives
import Testing

struct AttemptLimiterTests {
  private func limiter(
    burst: Int = 3,
    interval: Duration = .seconds(6),
    addresses: Int = 8
  ) -> Subject {
    var limits = AttemptLimiter.Limits()
    limits.burst = burst
    limits.interval = interval
    limits.addresses = addresses
    return Subject(AttemptLimiter(limits: limits))
  }

  private func time(_ seconds: Int64) -> Instant { .origin + .seconds(seconds) }

  @Test
  func `an address is turned away after its burst of failures and admitted again in time`() {
    let limiter = limiter()
    for _ in 0..<3 {
      #expect(limiter.admits("10.0.0.1", at: time(0)))
      limiter.attemptFailed(from: "10.0.0.1", at: time(0))
    }
    #expect(!limiter.admits("10.0.0.1", at: time(5)))
    #expect(limiter.value.delay(of: "10.0.0.1", at: time(5)) == .seconds(1))
    #expect(limiter.value.delay(of: "10.0.0.2", at: time(5)) == .zero)
    #expect(limiter.admits("10.0.0.1", at: time(6)))
    limiter.attemptFailed(from: "10.0.0.1", at: time(6))
    #expect(!limiter.admits("10.0.0.1", at: time(11)))
    #expect(limiter.admits("10.0.0.1", at: time(12)))
    #expect(limiter.value.refused == 2)
    #expect(limiter.value.failed == 4)
  }

  @Test
  func `after a quiet time the whole burst is available again`() {
    let limiter = limiter()
    for _ in 0..<3 { limiter.attemptFailed(from: "10.0.0.1", at: time(0)) }
    for _ in 0..<3 {
      #expect(limiter.admits("10.0.0.1", at: time(1000)))
      limiter.attemptFailed(from: "10.0.0.1", at: time(1000))
    }
    #expect(!limiter.admits("10.0.0.1", at: time(1000)))
  }

  @Test
  func `addresses don't pay for one another`() {
    let limiter = limiter(burst: 1)
    limiter.attemptFailed(from: "10.0.0.1", at: time(0))
    #expect(!limiter.admits("10.0.0.1", at: time(0)))
    #expect(limiter.admits("10.0.0.2", at: time(0)))
  }

  @Test(arguments: [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
    ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
    ("10.0.0.1", "::ffff:10.0.0.1", true), ("::ffff:10.0.0.1", "::ffff:10.0.0.2", false),
    ("fe80::1%eth0", "fe80::2%eth1", true), ("unix", "unix", true), ("unix", "other", false),
  ])
  func `an IPv6 network and the two forms of an IPv4 address count as one`(
    first: String,
    second: String,
    isSame: Bool
  ) {
    let limiter = limiter(burst: 1)
    limiter.attemptFailed(from: first, at: time(0))
    #expect(limiter.admits(second, at: time(0)) != isSame)
  }

  @Test
  func `the table is bounded and forgets the lightest offenders first`() {
    let limiter = limiter(burst: 2, addresses: 8)
    for _ in 0..<2 { limiter.attemptFailed(from: "10.0.0.0", at: time(0)) }
    for host in 1..<100 { limiter.attemptFailed(from: "10.0.1.\(host)", at: time(0)) }
    #expect(limiter.value.trackedAddresses == 8)
    #expect(limiter.value.evicted == 92)
    #expect(!limiter.admits("10.0.0.0", at: time(0)))
  }

  @Test
  func `buckets that have leaked empty make room without an eviction`() {
    let limiter = limiter(addresses: 8)
    for host in 0..<8 { limiter.attemptFailed(from: "10.0.1.\(host)", at: time(0)) }
    limiter.attemptFailed(from: "10.0.2.1", at: time(6))
    #expect(limiter.value.trackedAddresses == 1)
    #expect(limiter.value.evicted == 0)
  }
}

/// Holds the limiter by reference, since an expectation can't call a mutating method of a value.
private final class Subject {
  private(set) var value: AttemptLimiter

  init(_ value: AttemptLimiter) {
    self.value = value
  }

  func admits(_ address: String, at now: Instant) -> Bool {
    value.admits(address, at: now)
  }

  func attemptFailed(from address: String, at now: Instant) {
    value.attemptFailed(from: address, at: now)
  }
}
