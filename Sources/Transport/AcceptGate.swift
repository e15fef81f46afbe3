package import NIOCore

/// Decides whether a listening socket accepts, and is the only one that does: its owner may shut
/// it, and it shuts itself for a while when the process or the system can't take another
/// connection. It accepts while neither is the case.
///
/// A connection that can't be taken stays in the kernel's queue, so the kernel would report it
/// again at once, and the loop would spin. (NIO's own `AcceptBackoffHandler` puts off the next
/// `read()`, but the one that failed stays registered: measured, it spins.) Confined to the loop.
package final class AcceptGate: ChannelInboundHandler {
  package typealias InboundIn = any Channel

  /// Whether the owner wants connections; the kernel queues them while not.
  package var isOpen = true {
    didSet { if isOpen != oldValue { apply() } }
  }

  private let shortage: (IOError) -> Void
  private var isPausing = false
  private var context: ChannelHandlerContext?

  /// - Parameter shortage: Called at the begin of each pause, with its reason.
  package init(shortage: @escaping (IOError) -> Void) {
    self.shortage = shortage
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if !isOpen { apply() }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, !isPausing else { return }
    isPausing = true
    apply()
    shortage(error)
    context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(TransportLimits.acceptPause)) {
      self.isPausing = false
      self.apply()
    }
  }

  private func apply() {
    context?.channel.setOption(.autoRead, value: isOpen && !isPausing).whenFailure { _ in
      // The listener is closed already.
    }
  }
}
