package import NIOCore

/// Stops to accept for a while when the process or the system can't take another connection.
///
/// The connection stays in the kernel's queue, so the kernel would report it again at once, and the
/// loop would spin. (NIO's own `AcceptBackoffHandler` puts off the next `read()`, but the one that
/// failed stays registered: measured, it spins.) Confined to the loop.
package final class AcceptPauser: ChannelInboundHandler {
  package typealias InboundIn = any Channel

  private let paused: (IOError) -> Void
  private var isPaused = false

  /// - Parameter paused: Called at the begin of each pause, with its reason.
  package init(paused: @escaping (IOError) -> Void) {
    self.paused = paused
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? IOError, !isPaused else { return }
    isPaused = true
    setAccepting(false, context.channel)
    paused(error)
    let channel = context.channel
    context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(TransportLimits.acceptPause)) {
      self.isPaused = false
      self.setAccepting(true, channel)
    }
  }

  private func setAccepting(_ isOn: Bool, _ channel: any Channel) {
    channel.setOption(.autoRead, value: isOn).whenFailure { _ in
      // The listener is closed already.
    }
  }
}
