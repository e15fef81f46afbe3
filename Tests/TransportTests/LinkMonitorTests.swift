import HawserPrimitives
import HawserTransport
import Testing

struct `A link monitor` {
  private static let start = Instant(nanoseconds: 1_000_000_000_000)

  /// A monitor at virtual time, whose events are collected.
  struct Bench {
    var monitor: LinkMonitor
    var now: Instant
    var events: [LinkMonitorEvent] = []

    /// Begins with the first PING answered after 40 ms, which makes the limit of suspicion
    /// 3 · 40 + 250 + 20 = 390 ms.
    init() throws {
      now = start
      monitor = LinkMonitor(at: now)
      monitor.begin(at: now)
      drain()
      #expect(take() == [.ping(1)])
      now = now + .milliseconds(40)
      monitor.heard(at: now)
      try monitor.pongReceived(1, at: now)
      drain()
      #expect(take() == [.roundTrip(.milliseconds(40))])
    }

    mutating func drain() {
      while let event = monitor.nextEvent() { events.append(event) }
    }

    mutating func take() -> [LinkMonitorEvent] {
      defer { events = [] }
      return events
    }

    /// Lets time pass, with every deadline kept.
    mutating func pass(_ duration: Duration) {
      let end = now + duration
      while let deadline = monitor.nextDeadline, deadline <= end {
        now = max(now, deadline)
        monitor.deadlineReached(at: now)
        drain()
      }
      now = end
    }

    /// Lets time pass while the process is stopped: deadlines are kept afterwards.
    mutating func sleep(_ duration: Duration) {
      now = now + duration
      monitor.deadlineReached(at: now)
      drain()
    }

    mutating func hear() {
      monitor.heard(at: now)
    }
  }

  @Test func `suspects a link whose record is unreported for 3 round trips and 250 ms`() throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    bench.pass(.milliseconds(389))
    #expect(bench.take() == [])
    bench.pass(.milliseconds(1))
    #expect(bench.take() == [.health(.suspect)])
    #expect(bench.monitor.health == .suspect)
  }

  @Test func `is reassured by a report`() throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    bench.pass(.milliseconds(400))
    _ = bench.take()
    bench.hear()
    bench.monitor.reported(oldest: nil, sample: nil, at: bench.now)
    bench.drain()
    #expect(bench.take() == [.health(.healthy)])
    bench.pass(.seconds(5))
    #expect(bench.take() == [])
  }

  @Test func `takes each report for progress, however old the oldest record is`() throws {
    var bench = try Bench()
    let first = bench.now
    bench.monitor.recordSent(at: first)
    for _ in 0..<20 {
      bench.pass(.milliseconds(300))
      bench.hear()
      // The queue is always a second deep.
      let oldest = max(first, Instant(nanoseconds: bench.now.nanoseconds - 1_000_000_000))
      bench.monitor.reported(oldest: oldest, sample: nil, at: bench.now)
      bench.drain()
    }
    #expect(bench.take() == [])
  }

  @Test func `declares a link dead after 10 s of silence while something is outstanding`() throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    bench.pass(.milliseconds(9_999))
    #expect(bench.take() == [.health(.suspect)])
    bench.pass(.milliseconds(1))
    #expect(bench.take() == [.dead(silence: .milliseconds(10_000))])
    #expect(bench.monitor.nextDeadline == nil)
  }

  @Test func `does not declare a link dead on which it hears something`() throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    for _ in 0..<30 {
      bench.pass(.seconds(1))
      bench.hear()
    }
    #expect(bench.take() == [.health(.suspect), .ping(2)])
  }

  @Test func `PINGs a quiet link at the heartbeat, and not one that it hears of`() throws {
    var bench = try Bench()
    bench.monitor.setHeartbeat(.seconds(2))
    bench.pass(.milliseconds(1_900))
    bench.hear()
    bench.pass(.milliseconds(1_999))
    #expect(bench.take() == [])
    bench.pass(.milliseconds(1))
    #expect(bench.take() == [.ping(2)])
  }

  @Test func `PINGs a busy link now and then, for the round trip`() throws {
    var bench = try Bench()
    for _ in 0..<10 {
      bench.pass(.seconds(1))
      bench.hear()
    }
    #expect(bench.take() == [.ping(2)])
  }

  @Test func `suspects an idle link by its PING, and finds it dead 10 s later`() throws {
    var bench = try Bench()
    bench.monitor.setHeartbeat(.seconds(2))
    bench.pass(.milliseconds(2_390))
    #expect(bench.take() == [.ping(2), .health(.suspect)])
    bench.pass(.seconds(9))
    #expect(bench.take() == [])
    bench.pass(.seconds(1))
    #expect(bench.take() == [.dead(silence: .seconds(12))])
  }

  @Test(arguments: [Duration.seconds(2), .seconds(11), .seconds(3600)])
  func `gives what is outstanding fresh time after a suspension`(stop: Duration) throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    bench.pass(.milliseconds(100))
    bench.sleep(stop)
    #expect(bench.take() == [.ping(2)])
    bench.pass(.milliseconds(380))
    #expect(bench.take() == [])
    bench.hear()
    try bench.monitor.pongReceived(2, at: bench.now)
    bench.drain()
    #expect(bench.take() == [.roundTrip(.milliseconds(82.5))])
  }

  @Test func `notices a suspension of a suspect link that ends before it would be dead`() throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    bench.pass(.seconds(5))
    #expect(bench.take() == [.health(.suspect)])
    bench.sleep(.seconds(4.9))
    #expect(bench.take() == [.ping(2)])
    bench.pass(.seconds(9))
    #expect(bench.take() == [])
    bench.pass(.seconds(1))
    #expect(bench.take().count == 1)
  }

  @Test func `judges after a suspension as before when the silence goes on`() throws {
    var bench = try Bench()
    bench.monitor.recordSent(at: bench.now)
    bench.sleep(.seconds(60))
    _ = bench.take()
    bench.pass(.milliseconds(390))
    #expect(bench.take() == [.health(.suspect)])
    bench.pass(.milliseconds(9_610))
    #expect(bench.take() == [.dead(silence: .seconds(10))])
  }

  @Test func `probes at once when it is asked to`() throws {
    var bench = try Bench()
    bench.monitor.probe(at: bench.now)
    bench.drain()
    #expect(bench.take() == [.ping(2)])
    bench.pass(.milliseconds(390))
    #expect(bench.take() == [.health(.suspect)])
  }

  @Test func `samples only the answer to the last PING`() throws {
    var bench = try Bench()
    bench.monitor.probe(at: bench.now)
    bench.pass(.milliseconds(10))
    bench.monitor.probe(at: bench.now)
    bench.pass(.milliseconds(10))
    bench.drain()
    _ = bench.take()
    try bench.monitor.pongReceived(2, at: bench.now)
    bench.drain()
    #expect(bench.take() == [])
    try bench.monitor.pongReceived(3, at: bench.now)
    try bench.monitor.pongReceived(3, at: bench.now)
    bench.drain()
    #expect(bench.take() == [.roundTrip(.milliseconds(36.25))])
  }

  @Test func `refuses the answer to a PING that was never sent`() throws {
    var bench = try Bench()
    let now = bench.now
    #expect(throws: RecordFramingViolation.unknownPong(2)) {
      try bench.monitor.pongReceived(2, at: now)
    }
  }

  @Test func `never asks to be called at a time that it then ignores`() throws {
    // A deadline that is reached and stays in the past would keep the loop busy for ever.
    var bench = try Bench()
    bench.monitor.setHeartbeat(.milliseconds(100))
    bench.monitor.recordSent(at: bench.now)
    for _ in 0..<10_000 {
      guard let deadline = bench.monitor.nextDeadline else { break }
      bench.now = max(bench.now, deadline)
      bench.monitor.deadlineReached(at: bench.now)
      bench.drain()
      if let next = bench.monitor.nextDeadline { #expect(next > bench.now) }
    }
    #expect(bench.monitor.nextDeadline == nil)
  }
}

struct `A round trip estimator` {
  @Test func `smooths as RFC 6298 says`() {
    var estimator = RoundTripEstimator()
    estimator.add(.milliseconds(80))
    #expect(estimator.smoothed == .milliseconds(80))
    #expect(estimator.variation == .milliseconds(40))
    estimator.add(.milliseconds(160))
    #expect(estimator.smoothed == .milliseconds(90))
    #expect(estimator.variation == .milliseconds(50))
    estimator.add(.milliseconds(-5))
    #expect(estimator.smoothed == .milliseconds(78.75))
  }
}
