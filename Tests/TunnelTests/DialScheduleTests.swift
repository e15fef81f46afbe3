import HawserPrimitives
import HawserTunnel
import Testing

struct `The dial schedule` {
  private var schedule = DialSchedule(generator: SeededGenerator(seed: 7))
  private var now = Instant(nanoseconds: 1_000_000_000)

  @Test mutating func `dials at once, then backs off from 50 ms to 10 s, jittered`() throws {
    schedule.needs(.session, at: now)
    #expect(schedule.deadlineReached(at: now) == .dial)
    var step = Duration.milliseconds(50)
    for _ in 0..<12 {
      #expect(schedule.nextDeadline == nil, "one attempt at a time")
      schedule.attemptFailed(at: now)
      let pause = try #require(schedule.nextDeadline) - now
      #expect(pause >= step / 2 - .microseconds(1) && pause <= step)
      now = now + pause
      #expect(schedule.deadlineReached(at: now) == .dial)
      step = min(step * 2, .seconds(10))
    }
  }

  @Test mutating func `dials every 500 ms at the least while streams wait`() throws {
    schedule.needs(.resumption, at: now)
    var dials = 0
    let end = now + .seconds(6)
    while let deadline = schedule.nextDeadline, deadline <= end {
      now = deadline
      #expect(schedule.deadlineReached(at: now) == .dial)
      dials += 1
    }
    #expect(dials == 13)
  }

  @Test mutating func `gives up the oldest attempt when too many are under way`() {
    schedule.needs(.resumption, at: now)
    var actions: [DialSchedule.Action?] = []
    for _ in 0...TunnelLimits.overlappingAttempts {
      actions.append(schedule.deadlineReached(at: now))
      now = now + .milliseconds(500)
    }
    #expect(actions.dropLast().allSatisfy { $0 == .dial })
    #expect(actions.last == .abandonOldestAndDial)
  }

  @Test mutating func `stops when a healthy link is there`() {
    schedule.needs(.session, at: now)
    _ = schedule.deadlineReached(at: now)
    schedule.attemptEnded()
    schedule.needs(.nothing, at: now)
    #expect(schedule.nextDeadline == nil)
    #expect(schedule.deadlineReached(at: now + .seconds(100)) == nil)
  }

  @Test mutating func `dials at once when a link dies that was stable`() {
    schedule.needs(.nothing, at: now)
    satisfy(for: .seconds(6))
    schedule.needs(.resumption, at: now)
    #expect(schedule.nextDeadline == now)
  }

  @Test mutating func `does not circle when links die young`() throws {
    satisfy(for: .milliseconds(1))
    var pauses: [Duration] = []
    for _ in 0..<6 {
      schedule.needs(.session, at: now)
      let deadline = try #require(schedule.nextDeadline)
      pauses.append(deadline - now)
      now = deadline
      #expect(schedule.deadlineReached(at: now) == .dial)
      schedule.attemptEnded()
      satisfy(for: .milliseconds(1))
    }
    #expect(try #require(pauses.last) > .milliseconds(500))
  }

  @Test mutating func `never waits longer than 500 ms for streams, however young links die`() throws
  {
    for _ in 0..<10 {
      schedule.needs(.resumption, at: now)
      let deadline = try #require(schedule.nextDeadline)
      #expect(deadline - now <= .milliseconds(500))
      now = deadline
      _ = schedule.deadlineReached(at: now)
      schedule.attemptEnded()
      satisfy(for: .milliseconds(1))
    }
  }

  @Test mutating func `dials beside a suspect link every 500 ms`() throws {
    schedule.needs(.replacement, at: now)
    #expect(schedule.deadlineReached(at: now) == .dial)
    #expect(try #require(schedule.nextDeadline) - now == .milliseconds(500))
  }

  @Test mutating func `starts the back-off afresh when grace is over`() throws {
    schedule.needs(.resumption, at: now)
    for _ in 0..<20 {
      now = try #require(schedule.nextDeadline)
      _ = schedule.deadlineReached(at: now)
      schedule.attemptFailed(at: now)
    }
    schedule.needs(.session, at: now)
    #expect(try #require(schedule.nextDeadline) - now <= .milliseconds(50))
  }

  @Test mutating func `dials at once when the network changes`() throws {
    schedule.needs(.session, at: now)
    for _ in 0..<12 {
      now = try #require(schedule.nextDeadline)
      _ = schedule.deadlineReached(at: now)
      schedule.attemptFailed(at: now)
    }
    schedule.networkChanged(at: now)
    #expect(schedule.nextDeadline == now)
  }

  @Test mutating func `forgets failed attempts once a link is there`() throws {
    try failTwelveTimes()
    schedule.attemptEnded()
    satisfy(for: .seconds(1))
    schedule.needs(.resumption, at: now)
    #expect(schedule.nextDeadline == now, "the link outlived the first pause")
    satisfy(for: .milliseconds(1))
    schedule.needs(.session, at: now)
    #expect(try #require(schedule.nextDeadline) - now <= .milliseconds(100))
  }

  @Test mutating func `does not count attempts that were overtaken by another`() throws {
    schedule.needs(.resumption, at: now)
    for _ in 0..<12 {
      now = try #require(schedule.nextDeadline)
      _ = schedule.deadlineReached(at: now)
    }
    schedule.attemptEnded()
    schedule.needs(.nothing, at: now)
    for _ in 0..<11 { schedule.attemptFailed(at: now) }
    schedule.needs(.session, at: now + .milliseconds(1))
    #expect(try #require(schedule.nextDeadline) - now <= .milliseconds(50))
  }

  @Test mutating func `waits as long as the server asked, but not while streams wait`() throws {
    schedule.needs(.session, at: now)
    _ = schedule.deadlineReached(at: now)
    schedule.holdBack(for: .seconds(20), at: now)
    schedule.attemptFailed(at: now)
    #expect(schedule.nextDeadline == now + .seconds(20))
    schedule.needs(.resumption, at: now)
    #expect(schedule.nextDeadline == now)
  }

  private mutating func failTwelveTimes() throws {
    schedule.needs(.session, at: now)
    for _ in 0..<12 {
      now = try #require(schedule.nextDeadline)
      _ = schedule.deadlineReached(at: now)
      schedule.attemptFailed(at: now)
    }
    now = try #require(schedule.nextDeadline)
    _ = schedule.deadlineReached(at: now)
  }

  private mutating func satisfy(for time: Duration) {
    schedule.needs(.nothing, at: now)
    now = now + time
  }
}
