import HawserPrimitives
import HawserTLS
package import NIOCore

/// The way in: ciphertext from the socket → plaintext → messages → the user.
extension TCPLink: ChannelInboundHandler {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundOut = ByteBuffer

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    guard phase != .closed else { return context.close(promise: nil) }
    if context.channel.isActive { connected(context) }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
  }

  package func channelActive(context: ChannelHandlerContext) {
    connected(context)
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let ciphertext = unwrapInboundIn(data)
    bytesIn += UInt64(ciphertext.readableBytes)
    guard phase == .securing || hears else { return }
    let now = loop.instant
    isReading = true
    firstByteDeadline = nil
    monitor.heard(at: now)
    decoder.makeRoom(for: ciphertext.readableBytes)
    var problem: TLSError?
    do {
      try engine.receive(ciphertext, into: &decoder.buffer)
    } catch {
      problem = error
    }
    if phase == .securing { secure(at: now) }
    // Also before an error: what was decrypted until then is genuine.
    handUp(at: now)
    if let problem {
      end(.tls(problem))
    } else if engine.state == .peerClosed {
      end(.closedByPeer)
    }
  }

  package func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    if hasHandedUp {
      hasHandedUp = false
      drainMonitor()
      if hears { user?.linkReadComplete(self) }
    }
    let isReportDue = reporter.isDue(at: loop.instant)
    if isPumpScheduled || isReportDue || pendingPong != nil { pump() } else { armTimer() }
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(.connectionLost(error.inWords))
  }

  package func channelInactive(context: ChannelHandlerContext) {
    end(.truncated)
    // NIO may call this from within close(), and thus from within a call of the user's.
    loop.assumeIsolated().execute { self.finish() }
  }

  /// Decodes what was decrypted and gives it to the user.
  private func handUp(at now: Instant) {
    do {
      while hears, let message = try decoder.next() {
        hasHandedUp = true
        try take(message, at: now)
      }
    } catch {
      end(.protocolViolation(error))
    }
    if !hears { decoder.buffer.clear() }
  }

  private func take(_ message: LinkMessage, at now: Instant) throws(RecordFramingViolation) {
    switch message {
    case .record(let record):
      user?.link(self, received: record)
      reporter.took(bytes: record.readableBytes, at: now)
    case .report(let total):
      let sample = try unreported.report(total, at: now)
      while hears, let number = unreported.nextDelivered() {
        user?.link(self, delivered: number)
      }
      monitor.reported(oldest: unreported.oldest, sample: sample, at: now)
    case .ping(let number):
      // Only the latest is answered: a flood of them costs one answer a batch.
      pendingPong = number
    case .pong(let number):
      try monitor.pongReceived(number, at: now)
    }
  }
}
