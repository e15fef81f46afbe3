package import HawserPrimitives

package import struct NIOCore.ByteBuffer

/// The way in: records into frames, frames into what the streams know.
///
/// Each frame may have been said before; what is known already changes nothing.
extension Session {
  /// Takes a record. When this returns the session holds everything in it, and the link may report
  /// its delivery. Which link carried it does not matter, nor whether it is still attached.
  ///
  /// - Throws: How the peer broke the protocol. The session is closed then, and CLOSE with the code
  ///   waits to be sent.
  package mutating func receive(
    _ record: ByteBuffer,
    at now: Instant
  ) throws(SessionViolation) {
    var record = record
    do throws(SessionViolation) {
      while record.readableBytes > 0, !isClosed {
        try receive(try Frame.decode(from: &record), at: now)
      }
    } catch {
      end(.closedHere(error.closeCode, reason: error.description))
      throw error
    }
  }

  private mutating func receive(
    _ frame: Frame,
    at now: Instant
  ) throws(SessionViolation) {
    switch frame {
    case .data(let id, let offset, let bytes, let fin):
      try receiveData(bytes, at: offset, fin: fin, on: id, now: now)
    case .open(let id, let request):
      try receiveOpen(request, on: id, at: now)
    case .opened(let id):
      try chargeFrame(at: now)
      guard belongsHere(id) else { throw .wrongSide(id) }
      guard let stream = try knownStream(id, at: now) else { return }
      noteOpened(stream)
    case .streamCredit(let id, let limit):
      try chargeFrame(at: now)
      guard let stream = try knownStream(id, at: now) else { return }
      if stream.send.raiseCredit(to: limit) { schedule(stream) }
    case .sessionCredit(let limit):
      try chargeFrame(at: now)
      if credit.raise(to: limit) { resumeBlocked() }
    case .streamCount(let limit):
      try chargeFrame(at: now)
      receiveStreamCount(limit)
    case .stop(let id, let code):
      try chargeFrame(at: now)
      try receiveStop(code, on: id, at: now)
    case .reset(let id, let code, let finalSize, let retryable):
      try chargeFrame(at: now)
      try receiveReset(code, finalSize: finalSize, retryable: retryable, on: id, at: now)
    case .close(let code, let reason):
      receiveClose(code, reason: reason, at: now)
    }
  }

  private mutating func receiveClose(_ code: CloseCode, reason: String, at now: Instant) {
    let end = SessionEnd.closedByPeer(code, reason: reason)
    switch code {
    case .normal, .goingAway: linger(end, at: now)
    default: self.end(end)
    }
  }

  // MARK: - Streams

  private mutating func receiveOpen(
    _ request: OpenRequest,
    on id: StreamID,
    at now: Instant
  ) throws(SessionViolation) {
    guard !belongsHere(id), id != .control else { throw .wrongSide(id) }
    guard let stream = try knownStream(id, at: now) else { return try chargeFrame(at: now) }
    if let known = stream.request {
      guard known == request else { throw .openConflict(id) }
      return try chargeFrame(at: now)
    }
    stream.request = request
    events.append(.incoming(id, request))
    if let code = stream.earlyStop { events.append(.stopped(id, code)) }
    if let reset = stream.earlyReset {
      events.append(.reset(id, reset.code, retryable: reset.retryable))
    } else if stream.readableSaid {
      events.append(.readable(id))
    }
    removeIfEnded(stream)
  }

  private mutating func receiveData(
    _ bytes: ByteBuffer,
    at offset: UInt64,
    fin: Bool,
    on id: StreamID,
    now: Instant
  ) throws(SessionViolation) {
    if id == .control, fin { throw .controlStreamMisused }
    guard let stream = try knownStream(id, at: now) else { return }
    let change = try stream.receive.receive(
      bytes,
      at: offset,
      fin: fin,
      on: id,
      gapLimit: configuration.limits.reassemblyGaps
    )
    if !change.isNews { try chargeFrame(at: now) }
    if !stream.isControl { try credit.receive(change.receivedBytes) }
    if stream.openedHere, !stream.isControl { noteOpened(stream) }
    if change.isReadable { noteReadable(stream) }
    finishReceiving(change, of: stream, at: now)
  }

  private mutating func receiveReset(
    _ code: StreamErrorCode,
    finalSize: UInt64,
    retryable: Bool,
    on id: StreamID,
    at now: Instant
  ) throws(SessionViolation) {
    if id == .control { throw .controlStreamMisused }
    guard let stream = try knownStream(id, at: now) else { return }
    let change = try stream.receive.receiveReset(finalSize: finalSize, on: id)
    try credit.receive(change.receivedBytes)
    if change.wasReset {
      stream.readableSaid = false
      if stream.isAwaitingOpen {
        stream.earlyReset = (code, retryable)
      } else {
        events.append(.reset(id, code, retryable: retryable))
      }
    }
    finishReceiving(change, of: stream, at: now)
  }

  private mutating func receiveStop(
    _ code: StreamErrorCode,
    on id: StreamID,
    at now: Instant
  ) throws(SessionViolation) {
    if id == .control { throw .controlStreamMisused }
    guard let stream = try knownStream(id, at: now), !stream.send.isOver,
      stream.send.resetFact == nil
    else { return }
    resetSending(stream, code: code, retryable: false)
    if stream.isAwaitingOpen {
      stream.earlyStop = code
    } else {
      events.append(.stopped(id, code))
    }
  }

  private mutating func finishReceiving(
    _ change: ReceiveHalf.Change,
    of stream: Stream,
    at now: Instant
  ) {
    if change.discardedBytes > 0 { noteConsumed(change.discardedBytes, of: stream, at: now) }
    if change.isNews { settleReceiving(stream) }
    removeIfEnded(stream)
  }

  private mutating func noteReadable(_ stream: Stream) {
    guard !stream.readableSaid else { return }
    stream.readableSaid = true
    if !stream.isAwaitingOpen { events.append(.readable(stream.id)) }
  }

  /// OPENED, or anything that only a peer which reached its target sends.
  private mutating func noteOpened(_ stream: Stream) {
    guard !stream.isOpened else { return }
    stream.isOpened = true
    events.append(.opened(stream.id))
  }

  // MARK: - Session credit

  private mutating func resumeBlocked() {
    let blocked = blockedBySessionCredit
    blockedBySessionCredit.removeAll()
    for id in blocked {
      if let stream = streams[id] { schedule(stream) }
    }
  }

  private mutating func receiveStreamCount(_ limit: UInt64) {
    guard limit > streamsGranted else { return }
    streamsGranted = limit
    if streamsWereRefused {
      streamsWereRefused = false
      events.append(.streamsAvailable)
    }
  }

  // MARK: - Which stream

  /// Whether a stream of this id can only have been opened by this side.
  private func belongsHere(_ id: StreamID) -> Bool {
    id != .control && (id.rawValue % 2 == 1) == (configuration.side == .dialling)
  }

  /// The place of an id among those of the side that opens it, from 0.
  private func index(of id: StreamID) -> UInt64 {
    (id.rawValue - 1) / 2
  }

  /// The stream that a frame names; made, *awaiting OPEN*, when it is the peer's and new.
  ///
  /// - Returns: `nil` for a stream that is over: the frame is late and means nothing.
  private mutating func knownStream(
    _ id: StreamID,
    at now: Instant
  ) throws(SessionViolation) -> Stream? {
    if id == .control { return control }
    if let stream = streams[id] { return stream }
    let index = index(of: id)
    if belongsHere(id) {
      guard index < nextIndex else { throw .unknownStream(id) }
      try chargeFrame(at: now)
      return nil
    }
    guard !endedByPeer.contains(index) else {
      try chargeFrame(at: now)
      return nil
    }
    guard index < streamsAnnounced else { throw .streamLimitExceeded(id) }
    let stream = Stream(
      id,
      openedHere: false,
      request: nil,
      credit: ProtocolLimits.initialStreamCredit,
      at: now
    )
    streams[id] = stream
    return stream
  }

  /// One more of the peer's streams is over; another one may come in its place.
  mutating func noteEndedByPeer(_ id: StreamID) {
    let index = index(of: id)
    endedByPeer.insert(index..<index + 1)
    endedByPeerCount += 1
    if streamCountToAnnounce >= streamsAnnounced + configuration.limits.concurrentStreams / 4 {
      streamCountIsDue = true
    }
  }

  /// Streams that the peer may have opened in all.
  var streamCountToAnnounce: UInt64 {
    endedByPeerCount + configuration.limits.concurrentStreams
  }

  private mutating func chargeFrame(at now: Instant) throws(SessionViolation) {
    guard frameRate.take(at: now) else { throw .tooManyFrames }
  }
}

extension Frame {
  fileprivate static func decode(
    from buffer: inout ByteBuffer
  ) throws(SessionViolation) -> Frame {
    do throws(FrameError) {
      return try Frame(from: &buffer)
    } catch {
      throw .malformedFrame(error)
    }
  }
}
