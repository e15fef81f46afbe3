import DequeModule
package import HawserPrimitives

package import struct NIOCore.ByteBuffer

/// Which side of the link a peer is; it decides the parity of the ids of the streams it opens.
package enum Side: Sendable {
  /// Dials; opens odd streams.
  case dialling
  /// Is dialled; opens even streams.
  case accepting
}

/// What a session is made with.
package struct SessionConfiguration: Sendable {
  package var side: Side
  /// How long the session outlives its last link: the lower of what both sides offered.
  package var grace: Duration
  package var limits: SessionLimits
  /// What the peer announced in its HELLO or WELCOME.
  package var peerGrants: InitialGrants

  package init(
    side: Side,
    grace: Duration,
    limits: SessionLimits = SessionLimits(),
    peerGrants: InitialGrants
  ) {
    self.side = side
    self.grace = grace
    self.limits = limits
    self.peerGrants = peerGrants
  }
}

/// What two peers share: streams that outlive the links which carry them (`PROTOCOL.md`, Session).
///
///     attached ──last link dies──▶ in grace ──attach──▶ attached
///        │  └──closeWhenDrained──▶ draining ─┐  │
///        ├───────────close, CLOSE, violation─┴──┴─grace over──▶ closed
///        └──graceful CLOSE, with bytes unread──▶ closed, lingering ─▲ read
///
/// The session is pure: instants come in as arguments; what has to be sent is pulled by the sending
/// link with ``nextRecord(for:into:at:)``, what happened by the role with ``nextEvent()``. It keeps
/// every fact and every byte until a link reports that the peer has it, and says it again on the
/// next link otherwise. Records may arrive twice and in any order.
///
/// Not thread-safe: a session and its links are confined to one event loop.
package struct Session: ~Copyable {
  enum State {
    case open
    /// Ends with this once every stream is gone, or at the deadline.
    case draining(CloseCode, reason: String, deadline: Instant)
    case closed(SessionEnd)
    /// Closed by the peer's goodbye; what it sent completely can be read until the deadline.
    case lingering(SessionEnd, deadline: Instant)
  }

  let configuration: SessionConfiguration
  let budget: MemoryBudget

  var state = State.open
  var events: Deque<SessionEvent> = []

  var links = LinkTable()
  var graceEnds: Instant?
  var roundTrip = Duration.milliseconds(100)

  let control: Stream
  var streams: [StreamID: Stream] = [:]
  /// Peer's streams that are over, by index.
  var endedByPeer = IntervalSet()
  var endedByPeerCount: UInt64 = 0
  /// Index of the next stream opened here.
  var nextIndex: UInt64 = 0
  /// How many streams the peer lets this side open, and this side the peer, since the beginning.
  var streamsGranted: UInt64
  var streamsAnnounced: UInt64
  var streamsWereRefused = false

  var scheduler = StreamScheduler()
  /// Streams that have only new bytes while the session's credit is used up.
  var blockedBySessionCredit: [StreamID] = []
  /// Streams with facts to say, and the session's own facts.
  var factQueue: Deque<StreamID> = []
  var creditIsDue = false
  var streamCountIsDue = false
  var closeIsDue = false

  var credit: SessionCredit
  var frameRate: FrameRateLimiter
  var retainedBytes = 0
  /// Streams whose writers wait until others hold less.
  var parkedForRoom: Deque<StreamID> = []

  /// - Parameters:
  ///   - configuration: As agreed by HELLO and WELCOME.
  ///   - budget: What all sessions of the process share.
  ///   - now: The instant of creation; grace runs from here until the first link is attached.
  package init(configuration: SessionConfiguration, budget: MemoryBudget, at now: Instant) {
    self.configuration = configuration
    self.budget = budget
    control = Stream(
      .control,
      openedHere: true,
      request: nil,
      credit: ProtocolLimits.controlStreamCredit,
      at: now
    )
    streamsGranted = configuration.peerGrants.streams
    streamsAnnounced = configuration.limits.initialGrants.streams
    credit = SessionCredit(
      window: configuration.limits.initialGrants.sessionBytes,
      granted: configuration.peerGrants.sessionBytes
    )
    frameRate = FrameRateLimiter(
      burst: configuration.limits.uncreditedFrameBurst,
      perSecond: configuration.limits.uncreditedFramesPerSecond,
      at: now
    )
    graceEnds = now + configuration.grace
  }

  deinit {
    budget.releaseReceive(credit.growth)
    budget.adjustRetained(by: -retainedBytes)
  }

  // MARK: - Streams, from above

  /// Opens a stream; bytes may follow at once, without a round trip.
  ///
  /// - Throws: ``OpenRefusal``; nothing has changed then.
  package mutating func open(
    _ request: OpenRequest,
    at now: Instant
  ) throws(OpenRefusal) -> StreamID {
    guard case .open = state else { throw .closing }
    guard request.fitsFrame else { throw .requestTooLong }
    guard nextIndex < streamsGranted,
      UInt64(streams.count) < 2 * configuration.limits.concurrentStreams
    else {
      streamsWereRefused = true
      throw .noStreamCredit
    }
    let id = StreamID(2 * nextIndex + (configuration.side == .dialling ? 1 : 2))
    nextIndex += 1
    let stream = Stream(
      id,
      openedHere: true,
      request: request,
      credit: ProtocolLimits.initialStreamCredit,
      at: now
    )
    streams[id] = stream
    say(.open, of: stream)
    return id
  }

  /// Tells the peer that the target of its stream was reached.
  package mutating func acceptOpen(_ id: StreamID) {
    guard let stream = streams[id], !stream.openedHere, !stream.isAwaitingOpen else { return }
    say(.opened, of: stream)
  }

  /// Takes bytes to be sent, all of them.
  ///
  /// - Returns: Whether there is room for more. When not, the caller stops until `.writable`.
  ///   Also `true` when the direction has ended and the bytes were dropped.
  package mutating func send(_ bytes: ByteBuffer, on id: StreamID, at now: Instant) -> Bool {
    guard let stream = stream(id), stream.send.isOpen else { return true }
    changeRetained(by: bytes.readableBytes)
    stream.send.write(bytes)
    schedule(stream)
    guard !hasRoom(stream) else { return true }
    stream.awaitsRoom = true
    parkIfOthersHoldTheRoom(stream)
    return false
  }

  /// Ends the sending direction after what was sent.
  package mutating func finish(_ id: StreamID, at now: Instant) {
    guard id != .control, let stream = streams[id] else { return }
    stream.send.finish()
    schedule(stream)
  }

  /// Gives up the sending direction: what the peer has not yet received is dropped.
  ///
  /// - Parameters:
  ///   - id: The stream; one that is over is ignored.
  ///   - code: Why, for the peer.
  ///   - retryable: Whether another target may be tried, because this one saw nothing.
  ///   - now: The instant of the call.
  package mutating func reset(
    _ id: StreamID,
    code: StreamErrorCode,
    retryable: Bool = false,
    at now: Instant
  ) {
    guard id != .control, let stream = streams[id] else { return }
    resetSending(stream, code: code, retryable: retryable)
    removeIfEnded(stream)
  }

  /// Reads no more: unread bytes are dropped, and the peer is asked to end its direction.
  package mutating func stop(_ id: StreamID, code: StreamErrorCode, at now: Instant) {
    guard id != .control, let stream = streams[id] else { return }
    stopReceiving(stream, code: code, at: now)
    removeIfEnded(stream)
  }

  /// Ends both directions at once.
  package mutating func abort(
    _ id: StreamID,
    code: StreamErrorCode,
    retryable: Bool = false,
    at now: Instant
  ) {
    reset(id, code: code, retryable: retryable, at: now)
    stop(id, code: code, at: now)
  }

  /// Reads the next bytes in order; what is read gives credit back to the peer.
  ///
  /// - Parameters:
  ///   - id: The stream.
  ///   - maximum: The most bytes, greater than 0.
  ///   - now: The instant of the call.
  /// - Returns: Fewer bytes when a piece ends: call again until `.nothing` or `.finished`.
  package mutating func read(
    _ id: StreamID,
    upTo maximum: Int,
    at now: Instant
  ) -> ReadResult {
    guard let stream = stream(id) else { return .nothing }
    let result = stream.receive.read(atMost: maximum)
    switch result {
    case .bytes(let bytes):
      stream.window.noteRead(at: now)
      noteConsumed(UInt64(bytes.readableBytes), of: stream, at: now)
    case .finished:
      stream.readableSaid = false
      settleReceiving(stream)
      removeIfEnded(stream)
    case .nothing:
      stream.readableSaid = false
    }
    return result
  }

  // MARK: - Closing

  /// Ends the session now: every stream is reset, and CLOSE is the last record.
  package mutating func close(_ code: CloseCode, reason: String, at now: Instant) {
    end(.closedHere(code, reason: reason))
  }

  /// Takes no new streams, and closes when those alive have ended, or at `deadline`.
  package mutating func closeWhenDrained(
    _ code: CloseCode,
    reason: String,
    deadline: Instant,
    at now: Instant
  ) {
    guard case .open = state else { return }
    state = .draining(code, reason: reason, deadline: deadline)
    closeIfDrained()
  }

  /// Whether the session is over. A CLOSE may still wait for the link: see ``wantsToSend``.
  package var isClosed: Bool {
    switch state {
    case .open, .draining: false
    case .closed, .lingering: true
    }
  }

  // MARK: - Time and events

  /// When ``deadlineReached(at:)`` has to be called; `nil` while nothing waits for time.
  package var nextDeadline: Instant? {
    switch state {
    case .open: graceEnds
    case .draining(_, _, let deadline): min(deadline, graceEnds ?? deadline)
    case .lingering(_, let deadline): deadline
    case .closed: nil
    }
  }

  package mutating func deadlineReached(at now: Instant) {
    if let graceEnds, now >= graceEnds { return end(.graceExpired) }
    switch state {
    case .draining(let code, let reason, let deadline) where now >= deadline:
      end(.closedHere(code, reason: reason))
    case .lingering(_, let deadline) where now >= deadline:
      stopLingering()
    case .open, .draining, .lingering, .closed:
      break
    }
  }

  /// The next thing that happened, oldest first.
  package mutating func nextEvent() -> SessionEvent? {
    events.popFirst()
  }

  /// A look at the accounts. O(number of streams).
  package var statistics: SessionStatistics {
    var result = SessionStatistics()
    result.streams = streams.count
    result.retainedBytes = retainedBytes
    result.bytesSent = credit.sent
    result.bytesReceived = credit.received
    result.growthBytes = credit.growth
    result.graceEnds = graceEnds
    for stream in streams.values {
      result.unreadBytes += stream.receive.unreadBytes
      result.receiveMemory += stream.receive.heldBytes
    }
    return result
  }

  // MARK: - Shared by inbound and outbound

  /// The stream, the control stream included.
  func stream(_ id: StreamID) -> Stream? {
    id == .control ? (isClosed ? nil : control) : streams[id]
  }

  mutating func resetSending(_ stream: Stream, code: StreamErrorCode, retryable: Bool) {
    let retained = stream.send.retainedBytes
    guard stream.send.reset(code, retryable: retryable) else { return }
    changeRetained(by: -retained)
    stream.awaitsRoom = false
    say(.reset, of: stream)
    wakeParked()
  }

  mutating func stopReceiving(_ stream: Stream, code: StreamErrorCode, at now: Instant) {
    guard let (discarded, saysStop) = stream.receive.stop() else { return }
    stream.readableSaid = false
    if saysStop {
      stream.stopCode = code
      say(.stop, of: stream)
    }
    noteConsumed(discarded, of: stream, at: now)
    settleReceiving(stream)
  }

  /// Forgets the stream once nothing about it has to be said or heard any more.
  mutating func removeIfEnded(_ stream: Stream) {
    guard stream.isEnded, streams.removeValue(forKey: stream.id) != nil else { return }
    releaseGrowth(of: stream)
    if !stream.openedHere { noteEndedByPeer(stream.id) }
    events.append(.ended(stream.id))
    closeIfDrained()
  }

  mutating func closeIfDrained() {
    guard streams.isEmpty else { return }
    switch state {
    case .draining(let code, let reason, _) where control.send.retainedBytes == 0:
      end(.closedHere(code, reason: reason))
    case .lingering:
      stopLingering()
    case .open, .draining, .closed:
      break
    }
  }

  /// The peer closed gracefully: streams that it sent completely stay until they are read.
  mutating func linger(_ end: SessionEnd, at now: Instant) {
    guard !isClosed else { return }
    let complete = streams.filter { $1.receive.hasEverything && !$1.isAwaitingOpen }
    for (id, stream) in complete.sorted(by: { $0.key < $1.key }) {
      streams[id] = nil
      if !stream.send.isOver, stream.send.resetFact == nil {
        events.append(.stopped(id, .sessionClosed))
      }
      stream.send.abandon()
      stream.awaitsRoom = false
      stream.forgetFacts()
    }
    self.end(end)
    guard !complete.isEmpty else { return }
    streams = complete
    state = .lingering(end, deadline: now + configuration.limits.lingerTime)
  }

  /// The last stream was read, or its reader took too long.
  private mutating func stopLingering() {
    guard case .lingering(let end, _) = state else { return }
    for stream in streams.values.sorted(by: { $0.id < $1.id }) {
      releaseGrowth(of: stream)
      events.append(.reset(stream.id, .sessionClosed, retryable: false))
    }
    streams.removeAll()
    state = .closed(end)
  }

  /// Closes for good: resets what lives, frees everything, and leaves at most a CLOSE to say.
  mutating func end(_ end: SessionEnd) {
    guard !isClosed else { return }
    let code: StreamErrorCode =
      if case .graceExpired = end { .graceExpired } else { .sessionClosed }
    for stream in streams.values.sorted(by: { $0.id < $1.id }) where !stream.isAwaitingOpen {
      events.append(.reset(stream.id, code, retryable: !stream.isOpened))
    }
    for stream in streams.values { releaseGrowth(of: stream) }
    streams.removeAll()
    changeRetained(by: -retainedBytes)
    scheduler.removeAll()
    factQueue.removeAll()
    parkedForRoom.removeAll()
    blockedBySessionCredit.removeAll()
    graceEnds = nil
    state = .closed(end)
    if case .closedHere = end { closeIsDue = true }
    events.append(.closed(end))
  }
}
