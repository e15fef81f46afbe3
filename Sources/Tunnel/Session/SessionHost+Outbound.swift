internal import HawserHandshake
internal import HawserPrimitives
internal import HawserSession
internal import HawserTransport
internal import struct NIOCore.ByteBuffer

/// The way out: bytes of a socket → the session → records that the link pulls.
extension SessionHost {
  /// Asks the peer for a stream; join an endpoint to it next.
  func open(_ request: OpenRequest) throws(OpenRefusal) -> StreamID {
    try session.open(request, at: loop.instant)
  }

  /// Tells the peer that the target was reached.
  func acceptOpen(_ stream: StreamID) {
    session.acceptOpen(stream)
  }

  /// - Returns: Whether more may be sent at once; otherwise the endpoint will be told when.
  func send(_ bytes: ByteBuffer, on stream: StreamID) -> Bool {
    session.send(bytes, on: stream, at: loop.instant)
  }

  /// The socket said FIN.
  func finish(_ stream: StreamID) {
    session.finish(stream, at: loop.instant)
  }

  /// The socket failed, or the stream is refused: both directions end now.
  func abort(_ stream: StreamID, _ code: StreamErrorCode, retryable: Bool = false) {
    session.abort(stream, code: code, retryable: retryable, at: loop.instant)
    leave(stream)
  }

  /// The endpoint has no more use for its stream's events.
  func leave(_ stream: StreamID) {
    endpoints[stream] = nil
  }

  /// Says something on the control stream. A peer that keeps asking and reads no answers is closed.
  func send(_ message: ControlMessage) {
    let now = loop.instant
    do {
      if !session.send(try message.encoded(), on: .control, at: now) {
        logger.warning("peer does not read its control messages")
        session.close(.flood, reason: "control messages are not read", at: now)
      }
    } catch {
      logger.error("control message not sent", metadata: ["reason": "\(error)"])
    }
    settleSoon()
  }

  func link(_ link: any Link, nextRecordInto buffer: inout ByteBuffer) -> RecordNumber? {
    if var greeting = links[link.id]?.greeting {
      links[link.id]?.greeting = nil
      buffer.writeBuffer(&greeting)
      return .greeting
    }
    settleSoon()
    return session.nextRecord(for: link.id, into: &buffer, at: loop.instant)
  }

  /// Settles once after this turn of the loop: a pull makes room, so sockets may be read again.
  func settleSoon() {
    guard !isSettlingScheduled else { return }
    isSettlingScheduled = true
    loop.assumeIsolated().execute {
      self.isSettlingScheduled = false
      self.settle()
    }
  }
}
