import HawserPrimitives

/// Memory: credit given to the peer, and room for what is to be sent.
extension Session {
  // MARK: - Credit given

  /// `bytes` of the stream were read or dropped: credit may be given back.
  mutating func noteConsumed(_ bytes: UInt64, of stream: Stream, at now: Instant) {
    if !stream.isControl {
      credit.consume(bytes)
      if credit.isDue { creditIsDue = true }
    }
    guard stream.receive.takesCredit else { return }
    if stream.window.dueGrant(
      consumed: stream.receive.consumed,
      announced: stream.receive.creditLimit
    ) != nil {
      grant(stream, at: now)
    }
    let spare = stream.window.releaseUnneeded(
      consumed: stream.receive.consumed,
      announced: stream.receive.creditLimit
    )
    release(growth: spare)
  }

  private mutating func grant(_ stream: Stream, at now: Instant) {
    if !stream.isControl,
      stream.window.grantShowsDemand(at: now, roundTrip: roundTrip),
      stream.window.size < configuration.limits.maximumStreamWindow
    {
      grow(stream, at: now)
    }
    guard
      let limit = stream.window.dueGrant(
        consumed: stream.receive.consumed,
        announced: stream.receive.creditLimit
      )
    else { return }
    stream.receive.announceCredit(limit)
    say(.credit, of: stream)
  }

  /// Doubles the stream's window, if the session and the process have that much to spare.
  private mutating func grow(_ stream: Stream, at now: Instant) {
    let bytes = Int(stream.window.size)
    if reserve(growth: bytes) { return stream.window.double() }
    // Scarce: who holds credit and reads nothing loses its stream, else the largest gets less.
    let holders = streams.values.filter { $0.window.growth > 0 && $0.id != stream.id }
    let patience = configuration.limits.stalledReaderPatience
    if let stalled = holders.min(by: { ($0.window.lastRead, $0.id) < ($1.window.lastRead, $1.id) }),
      now - stalled.window.lastRead >= patience, stalled.receive.unreadBytes > 0
    {
      resetStalled(stalled, at: now)
      if reserve(growth: bytes) { stream.window.double() }
    } else if let largest = holders.max(by: { ($0.window.size, $0.id) < ($1.window.size, $1.id) }),
      largest.window.size > stream.window.size
    {
      largest.window.halve()
    }
  }

  private mutating func resetStalled(_ stream: Stream, at now: Instant) {
    resetSending(stream, code: .stalled, retryable: false)
    stopReceiving(stream, code: .stalled, at: now)
    events.append(.reset(stream.id, .stalled, retryable: false))
    releaseGrowth(of: stream)
    removeIfEnded(stream)
  }

  private mutating func reserve(growth bytes: Int) -> Bool {
    guard credit.growth + bytes <= configuration.limits.growthBytes, budget.reserveReceive(bytes)
    else { return false }
    credit.growth += bytes
    return true
  }

  private mutating func release(growth bytes: Int) {
    guard bytes > 0 else { return }
    credit.growth -= bytes
    budget.releaseReceive(bytes)
  }

  mutating func releaseGrowth(of stream: Stream) {
    release(growth: stream.window.releaseAll())
  }

  /// After the receiving direction changed: facts and reservations that it no longer needs go.
  mutating func settleReceiving(_ stream: Stream) {
    stream.dropMootFacts()
    if stream.receive.isOver { releaseGrowth(of: stream) }
  }

  // MARK: - Room to send

  mutating func changeRetained(by bytes: Int) {
    retainedBytes += bytes
    budget.adjustRetained(by: bytes)
  }

  /// Whether `send` may go on for this stream.
  func hasRoom(_ stream: Stream) -> Bool {
    hasOwnRoom(stream) && hasSharedRoom(stream)
  }

  private func hasOwnRoom(_ stream: Stream) -> Bool {
    stream.send.unsentBytes < configuration.limits.unsentStreamBytes
      && UInt64(stream.send.retainedBytes) < configuration.limits.maximumStreamWindow
  }

  private func hasSharedRoom(_ stream: Stream) -> Bool {
    stream.send.retainedBytes < configuration.limits.guaranteedRetainedBytes
      || retainedBytes < configuration.limits.retainedBytes && budget.hasRoomToRetain
  }

  mutating func parkIfOthersHoldTheRoom(_ stream: Stream) {
    guard stream.awaitsRoom, !stream.isParkedForRoom, hasOwnRoom(stream), !hasSharedRoom(stream)
    else { return }
    stream.isParkedForRoom = true
    parkedForRoom.append(stream.id)
  }

  /// The stream retains less, or sent something: its writer may go on.
  mutating func noteRoom(of stream: Stream) {
    guard stream.awaitsRoom else { return }
    if hasRoom(stream) {
      stream.awaitsRoom = false
      events.append(.writable(stream.id))
    } else {
      parkIfOthersHoldTheRoom(stream)
    }
  }

  /// The session retains less: the writers that waited longest go first.
  mutating func wakeParked() {
    while let id = parkedForRoom.first {
      if let stream = streams[id], stream.awaitsRoom {
        guard hasSharedRoom(stream) else { return }
        parkedForRoom.removeFirst()
        stream.isParkedForRoom = false
        noteRoom(of: stream)
      } else {
        parkedForRoom.removeFirst()
        streams[id]?.isParkedForRoom = false
      }
    }
  }
}
