package import HawserPrimitives

/// When a provider dials its server, and how often. Pure: time and randomness come in.
///
///     ┌─────────┐ needs(.session)      at once, then one attempt after the other with back-off
///     │ nothing │ needs(.resumption)   at once, then at least every 500 ms, overlapping
///     └─────────┘ needs(.replacement)  the same, beside the link that is suspect
///          ▲                                                             │
///          └──────────────────── needs(.nothing) ◀───────────────────────┘
///
/// After failed attempts the pauses grow until one succeeds. After links that died young they grow
/// until one lasts, so that a server which accepts and hangs up is not dialled in a tight circle.
package struct DialSchedule {
  /// What the provider lacks.
  package enum Need: Sendable, Hashable {
    /// A healthy link is there.
    case nothing
    /// There is no session: nobody waits, the slow back-off is good enough.
    case session
    /// A session lost its last link and its streams wait.
    case resumption
    /// The only link is suspect.
    case replacement
  }

  /// What to do now.
  package enum Action: Sendable, Hashable {
    /// Start an attempt.
    case dial
    /// Give up the oldest attempt, then start one.
    case abandonOldestAndDial
  }

  /// What the provider lacks now.
  package private(set) var need: Need = .nothing

  /// When ``deadlineReached(at:)`` is to be called; `nil` while there is nothing to wait for.
  package private(set) var nextDeadline: Instant?

  private var attemptsUnderWay = 0
  /// Attempts that failed since there was a link.
  private var failures = 0
  /// Links in a row that died young.
  private var youngDeaths = 0
  private var satisfiedSince: Instant?
  /// The server asked for this much patience; holds while nothing is waiting for the answer.
  private var heldBackUntil = Instant.origin
  private var generator: any RandomNumberGenerator

  /// - Parameter generator: Source of jitter; the system's in production, a seeded one in tests.
  package init(generator: any RandomNumberGenerator) {
    self.generator = generator
  }

  /// Says what the provider lacks from now on. Saying the same again changes nothing.
  package mutating func needs(_ need: Need, at now: Instant) {
    guard need != self.need else { return }
    let previous = self.need
    self.need = need
    switch (previous, need) {
    case (_, .nothing):
      satisfiedSince = now
      failures = 0
      nextDeadline = nil
    case (.nothing, _):
      nextDeadline = dialAfterLoss(at: now)
    case (_, .session):
      failures = 0
      nextDeadline = attemptsUnderWay == 0 ? min(nextDeadline ?? now, now + pause()) : nil
    case (_, .resumption), (_, .replacement):
      nextDeadline = now
    }
    respectHoldBack()
  }

  /// At once, unless the link died young: then the time from one link to the next grows.
  private mutating func dialAfterLoss(at now: Instant) -> Instant {
    guard let since = satisfiedSince else { return now }
    youngDeaths = now - since >= TunnelLimits.stableLinkAge ? 0 : youngDeaths + 1
    return youngDeaths == 0 ? now : max(now, since + pause())
  }

  /// Waits at least this long before the next attempt for a new session: the server asked for it.
  /// Streams that wait for their session don't wait for this.
  package mutating func holdBack(for delay: Duration, at now: Instant) {
    heldBackUntil = now + delay
    respectHoldBack()
  }

  private mutating func respectHoldBack() {
    guard need == .session, let deadline = nextDeadline else { return }
    nextDeadline = max(deadline, heldBackUntil)
  }

  /// Makes the next attempt due at once, because the network is another one now.
  package mutating func networkChanged(at now: Instant) {
    (failures, youngDeaths) = (0, 0)
    heldBackUntil = .origin
    if need != .nothing { nextDeadline = now }
  }

  /// - Returns: What to do, or `nil` when nothing is due yet.
  package mutating func deadlineReached(at now: Instant) -> Action? {
    guard let deadline = nextDeadline, deadline <= now else { return nil }
    switch need {
    case .nothing, .session: nextDeadline = nil
    case .resumption, .replacement: nextDeadline = now + TunnelLimits.graceDialInterval
    }
    if attemptsUnderWay >= TunnelLimits.overlappingAttempts {
      return .abandonOldestAndDial
    }
    attemptsUnderWay += 1
    return .dial
  }

  /// An attempt ended without a WELCOME: it failed or was refused.
  package mutating func attemptFailed(at now: Instant) {
    attemptsUnderWay = max(0, attemptsUnderWay - 1)
    guard need != .nothing else { return }
    failures += 1
    switch need {
    case .nothing, .replacement:
      break
    case .session:
      guard attemptsUnderWay == 0 else { return }
      nextDeadline = min(nextDeadline ?? .latest, now + pause())
      respectHoldBack()
    case .resumption:
      nextDeadline = min(nextDeadline ?? .latest, now + pause())
    }
  }

  /// An attempt ended with a WELCOME, or was given up because it is not needed any more.
  package mutating func attemptEnded() {
    attemptsUnderWay = max(0, attemptsUnderWay - 1)
  }

  /// The back-off's next delay, between half and the whole of its step; short while streams wait.
  private mutating func pause() -> Duration {
    let doublings = min(max(failures + youngDeaths - 1, 0), 20)
    let longest =
      need == .session ? TunnelLimits.longestRetryDelay : TunnelLimits.graceDialInterval
    let step = min(TunnelLimits.firstRetryDelay * (1 << doublings), longest)
    let share = Int64.random(in: 500...1000, using: &generator)
    return .nanoseconds(step.wholeNanoseconds / 1000 * share)
  }
}

extension Instant {
  /// Later than every deadline.
  fileprivate static let latest = Instant(nanoseconds: .max)
}
