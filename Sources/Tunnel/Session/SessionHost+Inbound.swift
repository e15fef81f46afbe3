internal import HawserPrimitives
internal import HawserHandshake
internal import HawserSession
internal import HawserTransport
internal import struct NIOCore.ByteBuffer

/// The way in: a record from a link → the session → events → sockets.
extension SessionHost: LinkUser {
  func link(_ link: any Link, received record: ByteBuffer) {
    guard !isOver else { return }
    do {
      try session.receive(record, at: loop.instant)
    } catch {
      logger.warning("peer broke the protocol", metadata: ["violation": "\(error)"])
    }
  }

  func link(_ link: any Link, delivered record: RecordNumber) {
    guard record != .greeting else { return }
    session.delivered(record, on: link.id, at: loop.instant)
  }

  func linkReadComplete(_ link: any Link) {
    settle()
  }

  /// Passes one event on to whom it concerns.
  func carryOut(_ event: SessionEvent) {
    switch event {
    case .incoming(let stream, let request):
      owner?.session(self, incoming: stream, request)
    case .opened(let stream):
      endpoints[stream]?.streamOpened()
    case .readable(.control):
      readControl()
    case .readable(let stream):
      endpoints[stream]?.streamReadable()
    case .writable(let stream):
      endpoints[stream]?.streamWritable()
    case .stopped(let stream, _):
      endpoints[stream]?.streamStopped()
    case .reset(let stream, let code, let retryable):
      endpoints[stream]?.streamReset(code, retryable: retryable)
    case .ended(let stream):
      endpoints[stream]?.streamEnded()
      leave(stream)
    case .streamsAvailable:
      owner?.sessionHasRoomForStreams(self)
    case .closed(let end):
      ended(end)
    }
  }

  /// Takes what the stream has for a socket; this is what gives the peer credit.
  func read(_ stream: StreamID) -> ReadResult {
    session.read(stream, upTo: TunnelLimits.streamReadBytes, at: loop.instant)
  }

  /// Remembers an endpoint that has written, for one flush at the end of the batch.
  func flushLater(_ endpoint: StreamEndpoint) {
    unflushed.append(endpoint)
  }

  /// One flush per socket and batch.
  func flushEndpoints() {
    let batch = unflushed
    unflushed.removeAll(keepingCapacity: true)
    for endpoint in batch { endpoint.flush() }
  }

  private func readControl() {
    do {
      while case .bytes(let bytes) = read(.control) {
        control.append(bytes)
        while let message = try control.next() { owner?.session(self, received: message) }
      }
    } catch {
      logger.warning("peer broke the protocol", metadata: ["violation": "\(error)"])
      session.close(.protocolViolation, reason: "\(error)", at: loop.instant)
    }
  }
}

extension RecordNumber {
  /// HELLO, WELCOME and REJECT travel outside the session, whose own numbers start at 1.
  static let greeting = RecordNumber(0)
}
