internal import HawserPrimitives
internal import HawserTransport
internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Darwin)
internal import Darwin
#endif

/// One timer for a pure core: follows the core's `nextDeadline`. Confined to its loop.
///
/// A deadline that moves later costs nothing: the timer fires at the earlier time and looks again.
final class DeadlineTimer {
  private let loop: any EventLoop
  private let fired: () -> Void
  private var scheduled: Scheduled<Void>?
  private var scheduledFor: Instant?

  /// - Parameters:
  ///   - loop: Where everything happens.
  ///   - fired: Called when the deadline may have been reached; ends with a call of
  ///     ``follow(_:)``. Must not hold its owner strongly.
  init(loop: any EventLoop, fired: @escaping () -> Void) {
    self.loop = loop
    self.fired = fired
  }

  /// Makes sure that the timer fires at `deadline`, or at an earlier one that it was set to.
  func follow(_ deadline: Instant?) {
    guard let deadline else { return }
    if let scheduledFor, scheduledFor <= deadline { return }
    scheduled?.cancel()
    scheduledFor = deadline
    scheduled = loop.assumeIsolated().scheduleTask(
      deadline: .uptimeNanoseconds(UInt64(max(0, deadline.nanoseconds)))
    ) { [weak self] in
      guard let self else { return }
      self.scheduled = nil
      self.scheduledFor = nil
      self.fired()
    }
  }

  /// Forgets the deadline.
  func cancel() {
    scheduled?.cancel()
    scheduled = nil
    scheduledFor = nil
  }
}

extension WallClockTime {
  /// Now, for the expiry of tokens.
  static func now() -> WallClockTime {
    WallClockTime(secondsSince1970: Int64(time(nil)))
  }
}
