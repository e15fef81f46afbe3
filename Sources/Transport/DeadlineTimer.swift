package import HawserPrimitives
package import NIOCore

/// One timer for all deadlines of whoever owns it: a timer of the loop costs as much as a small
/// record. Confined to the loop.
///
/// It is moved only to an earlier time. Most deadlines move on before they are reached; the timer
/// then fires too early once, and its owner looks again.
package final class DeadlineTimer {
  private let loop: any EventLoop
  private let fired: () -> Void
  private var scheduled: (task: Scheduled<Void>, instant: Instant)?

  /// - Parameters:
  ///   - loop: Where everything happens.
  ///   - fired: Called when a deadline may have been reached; ends with a call of ``follow(_:)``.
  ///     Must not hold its owner strongly.
  package init(loop: any EventLoop, fired: @escaping () -> Void) {
    self.loop = loop
    self.fired = fired
  }

  /// Makes sure that the timer fires at `deadline`, or at an earlier one that it was set to.
  package func follow(_ deadline: Instant?) {
    guard let deadline else { return }
    if let scheduled {
      guard deadline < scheduled.instant else { return }
      scheduled.task.cancel()
    }
    let task = loop.assumeIsolated().scheduleTask(deadline: NIODeadline(deadline)) { [weak self] in
      guard let self else { return }
      self.scheduled = nil
      self.fired()
    }
    scheduled = (task, deadline)
  }

  /// Forgets the deadline.
  package func cancel() {
    scheduled?.task.cancel()
    scheduled = nil
  }
}
