import HawserPrimitives
import NIOCore

/// One timer for all deadlines of a link: a timer of the loop costs as much as a small record.
///
/// It is moved only to an earlier time. Most deadlines move on before they are reached; the timer
/// then fires too early once, and its owner arms it again. Confined to the loop.
final class LinkTimer {
  private let loop: any EventLoop
  private var scheduled: (task: Scheduled<Void>, instant: Instant)?

  init(on loop: any EventLoop) {
    self.loop = loop
  }

  /// Calls `body` at `instant` or earlier, once, unless it is armed for an earlier time already.
  func arm(for instant: Instant, _ body: @escaping () -> Void) {
    if let scheduled {
      guard instant < scheduled.instant else { return }
      scheduled.task.cancel()
    }
    let task = loop.assumeIsolated().scheduleTask(deadline: NIODeadline(instant)) {
      self.scheduled = nil
      body()
    }
    scheduled = (task, instant)
  }

  func cancel() {
    scheduled?.task.cancel()
    scheduled = nil
  }
}
