internal import HawserPrimitives
internal import HawserSession
internal import struct NIOCore.ByteBuffer

/// The two applications above the sessions: what they do at random, how they react to events, and
/// the checks of all that the sessions tell them.
final class SimulatedApplications {
  /// The most bytes that go into one `send`.
  static let largestSend = 40_000

  private let context: SimulationContext
  private let peers: [SimulatedPeer]
  private let ledgers: Ledgers

  init(context: SimulationContext, peers: [SimulatedPeer], ledgers: Ledgers) {
    self.context = context
    self.peers = peers
    self.ledgers = ledgers
  }

  private func peer(_ party: Party) -> SimulatedPeer { peers[party.rawValue] }

  // MARK: Operations

  /// Opens a stream, and writes its first bytes perhaps before it is answered.
  func open(at party: Party) throws(Discrepancy) {
    let request = randomRequest()
    let stream: StreamID
    do {
      stream = try peer(party).session.open(request, at: context.now)
    } catch {
      context.note(.refusedOpen, party)
      return
    }
    guard !ledgers.contains(stream), stream != .control,
      stream.rawValue % 2 == (party == .dialler ? 1 : 0)
    else { throw Discrepancy("\(party) opens stream \(stream), which is not its to open") }
    context.note(.opens, party, stream.rawValue)
    context.report.streams += 1
    ledgers.add(StreamLedger(id: stream, opener: party, request: request))
    ledgers[stream][of: party].reading = randomReading()
    if context.generator.chance(600) { try write(on: stream, at: party) }
    if context.generator.chance(50) { try abort(stream, at: party) }
  }

  /// Accepts or refuses a stream that was left unanswered.
  func answer(_ stream: StreamID, at party: Party) throws(Discrepancy) {
    guard isUnanswered(stream, at: party) else { return }
    if context.generator.chance(750) || context.isSettling {
      accept(stream, at: party)
    } else {
      try abort(stream, at: party)
    }
  }

  /// Whether the peer's stream still waits for an answer; one that is over both ways does not.
  private func isUnanswered(_ stream: StreamID, at party: Party) -> Bool {
    let ledger = ledgers[stream]
    let isDead = !ledger[from: party].isOpen && ledger[from: party.other].readEnd != nil
    return stream != .control && ledger.opener != party && !ledger[of: party].hasAccepted
      && !isDead
  }

  private func accept(_ stream: StreamID, at party: Party) {
    ledgers[stream][of: party].hasAccepted = true
    context.note(.accepts, party, stream.rawValue)
    peer(party).session.acceptOpen(stream)
  }

  /// Writes a random number of bytes, now and as room comes; this needs a target, so it accepts.
  func write(on stream: StreamID, at party: Party) throws(Discrepancy) {
    guard ledgers[stream][from: party].isOpen, !ledgers[stream][of: party].finishesThen
    else { return }
    if isUnanswered(stream, at: party) { accept(stream, at: party) }
    ledgers[stream][of: party].wanted += context.generator.magnitude(upTo: context.plan.write)
    pump(stream, at: party)
  }

  /// Ends the sending direction after everything that is still to be written.
  func finish(_ stream: StreamID, at party: Party) {
    guard ledgers[stream][from: party].isOpen else { return }
    if isUnanswered(stream, at: party) { accept(stream, at: party) }
    ledgers[stream][of: party].finishesThen = true
    pump(stream, at: party)
  }

  /// Ends the sending direction at once.
  func reset(_ stream: StreamID, at party: Party) {
    let (code, retryable) = allowReset(of: stream, by: party)
    context.note(.resets, party, stream.rawValue, Int(code.rawValue))
    peer(party).session.reset(stream, code: code, retryable: retryable, at: context.now)
  }

  /// Reads no more.
  func stop(_ stream: StreamID, at party: Party) {
    let code = randomCode()
    ledgers[stream][from: party.other].stops.insert(code)
    endReading(of: stream, at: party, as: .stopped)
    context.note(.stops, party, stream.rawValue, Int(code.rawValue))
    peer(party).session.stop(stream, code: code, at: context.now)
  }

  /// Ends both directions at once.
  func abort(_ stream: StreamID, at party: Party) throws(Discrepancy) {
    let (code, retryable) = allowReset(of: stream, by: party)
    ledgers[stream][from: party.other].stops.insert(code)
    endReading(of: stream, at: party, as: .stopped)
    context.note(.aborts, party, stream.rawValue, Int(code.rawValue))
    peer(party).session.abort(stream, code: code, retryable: retryable, at: context.now)
  }

  /// Takes up another habit of reading.
  func changeReading(of stream: StreamID, at party: Party) throws(Discrepancy) {
    try read(stream, at: party, as: randomReading())
  }

  /// Writes what is wanted, reads what there is and ends everything: the run is to drain.
  func settle(_ stream: StreamID, at party: Party) throws(Discrepancy) {
    try answer(stream, at: party)
    try read(stream, at: party, as: .eager)
    finish(stream, at: party)
  }

  /// Lets the control stream be read, which a run may have neglected.
  func settleControl(at party: Party) throws(Discrepancy) {
    try read(.control, at: party, as: .eager)
  }

  private func read(
    _ stream: StreamID,
    at party: Party,
    as reading: StreamLedger.Reading
  ) throws(Discrepancy) {
    ledgers[stream][of: party].reading = reading
    let atOnce =
      switch reading {
      case .eager: Int.max
      case .slow(let count): count
      case .never: 0
      }
    context.note(.changesReading, party, stream.rawValue, atOnce)
    try takeTurn(stream, at: party)
  }

  private func allowReset(
    of stream: StreamID,
    by party: Party
  ) -> (code: StreamErrorCode, retryable: Bool) {
    let code = randomCode()
    let retryable = context.generator.chance(300)
    ledgers[stream][from: party].resets.insert(.init(code: code, retryable: retryable))
    ledgers[stream][of: party].wanted = 0
    return (code, retryable)
  }

  private func endReading(of stream: StreamID, at party: Party, as end: StreamLedger.ReadEnd) {
    ledgers[stream][of: party].hasUnread = false
    if ledgers[stream][from: party.other].readEnd == nil {
      ledgers[stream][from: party.other].readEnd = end
    }
  }

  // MARK: Writing

  private func pump(_ stream: StreamID, at party: Party) {
    while ledgers[stream][of: party].wanted > 0, !ledgers[stream][of: party].isBlocked {
      let wanted = ledgers[stream][of: party].wanted
      let count = min(wanted, context.generator.magnitude(upTo: Self.largestSend))
      let offset = ledgers[stream][from: party].sent
      let bytes = ledgers.pattern.bytes(of: stream, from: party, at: offset, count: count)
      context.note(.writes, party, stream.rawValue, Int(offset), count)
      ledgers[stream][from: party].sent += UInt64(count)
      ledgers[stream][of: party].wanted -= count
      if !peer(party).session.send(bytes, on: stream, at: context.now) {
        context.note(.blocked, party, stream.rawValue, Int(offset) + count)
        ledgers[stream][of: party].isBlocked = true
      }
    }
    let view = ledgers[stream][of: party]
    guard view.wanted == 0, view.finishesThen, ledgers[stream][from: party].isOpen else { return }
    ledgers[stream][from: party].isFinished = true
    context.note(.finishes, party, stream.rawValue)
    peer(party).session.finish(stream, at: context.now)
  }

  // MARK: Reading

  /// A reader that has something to read takes its turn.
  func takeTurn(_ stream: StreamID, at party: Party) throws(Discrepancy) {
    ledgers[stream][of: party].isTurnScheduled = false
    let view = ledgers[stream][of: party]
    guard view.hasUnread, !view.hasEnded else { return }
    switch view.reading {
    case .eager:
      while ledgers[stream][of: party].hasUnread {
        try readOnce(stream, upTo: 64 << 10, at: party)
      }
    case .slow(let count):
      try readOnce(stream, upTo: count, at: party)
      guard ledgers[stream][of: party].hasUnread else { return }
      ledgers[stream][of: party].isTurnScheduled = true
      context.schedule(
        .turn(party, stream),
        after: context.generator.duration(in: .zero...(.milliseconds(count < 256 ? 2 : 50)))
      )
    case .never:
      break
    }
  }

  private func readOnce(
    _ stream: StreamID,
    upTo maximum: Int,
    at party: Party
  ) throws(Discrepancy) {
    let direction = ledgers[stream][from: party.other]
    switch peer(party).session.read(stream, upTo: maximum, at: context.now) {
    case .bytes(let bytes):
      let count = bytes.readableBytes
      context.note(.reads, party, stream.rawValue, Int(direction.read), count)
      guard direction.readEnd == nil else {
        throw Discrepancy("\(party) reads stream \(stream) after its end")
      }
      guard count > 0, count <= maximum else {
        throw Discrepancy("\(party) asks stream \(stream) for \(maximum) bytes and gets \(count)")
      }
      guard direction.read + UInt64(count) <= direction.sent else {
        throw Discrepancy("\(party) reads stream \(stream) beyond \(direction.sent)")
      }
      if let difference = ledgers.pattern.firstDifference(
        in: bytes,
        of: stream,
        from: party.other,
        at: direction.read
      ) {
        let offset = direction.read + UInt64(difference)
        throw Discrepancy("\(party) reads a wrong byte of stream \(stream) at \(offset)")
      }
      ledgers[stream][from: party.other].read += UInt64(count)
      context.report.bytes += count
    case .finished:
      context.note(.readsEnd, party, stream.rawValue, Int(direction.read))
      guard direction.isFinished, direction.read == direction.sent, direction.readEnd == nil
      else {
        throw Discrepancy(
          "\(party) reads the end of stream \(stream) at \(direction.read) of \(direction.sent)"
        )
      }
      endReading(of: stream, at: party, as: .finished)
    case .nothing:
      ledgers[stream][of: party].hasUnread = false
    }
  }

  // MARK: Events

  /// Takes all events of a party's session.
  func takeEvents(of party: Party) throws(Discrepancy) {
    while let event = peer(party).session.nextEvent() {
      guard peer(party).end == nil || endsStream(event) else {
        throw Discrepancy("\(party) is told \(event) after the session's end")
      }
      try take(event, at: party)
    }
  }

  /// All that may come after the session's end, for streams that were left to be read.
  private func endsStream(_ event: SessionEvent) -> Bool {
    switch event {
    case .ended, .reset: true
    case .opened, .incoming, .readable, .writable, .stopped, .streamsAvailable, .closed: false
    }
  }

  private func take(_ event: SessionEvent, at party: Party) throws(Discrepancy) {
    switch event {
    case .incoming(let stream, let request):
      try takeIncoming(stream, request, at: party)
    case .opened(let stream):
      context.note(.sawOpened, party, stream.rawValue)
      try checkKnown(stream, at: party, event)
      let ledger = ledgers[stream]
      guard ledger.opener == party, ledger[of: party.other].hasAccepted,
        !ledger[of: party].wasToldOpened
      else { throw Discrepancy("\(party) is told that stream \(stream) was opened") }
      ledgers[stream][of: party].wasToldOpened = true
    case .readable(let stream):
      context.note(.sawReadable, party, stream.rawValue)
      try checkKnown(stream, at: party, event)
      switch ledgers[stream][from: party.other].readEnd {
      case nil: break
      // Said before the application stopped reading.
      case .stopped: return
      case .finished, .reset:
        throw Discrepancy("\(party) is told that stream \(stream) is readable after its end")
      }
      ledgers[stream][of: party].hasUnread = true
      if !ledgers[stream][of: party].isTurnScheduled { try takeTurn(stream, at: party) }
    case .writable(let stream):
      context.note(.sawWritable, party, stream.rawValue)
      try checkKnown(stream, at: party, event)
      guard ledgers[stream][of: party].isBlocked else {
        throw Discrepancy("\(party) is told that stream \(stream) is writable, as it was")
      }
      ledgers[stream][of: party].isBlocked = false
      pump(stream, at: party)
    case .stopped(let stream, let code):
      try takeStopped(stream, code, at: party, event)
    case .reset(let stream, let code, let retryable):
      try takeReset(stream, code, retryable: retryable, at: party, event)
    case .ended(let stream):
      try takeEnded(stream, at: party, event)
    case .streamsAvailable:
      context.note(.sawStreamsAvailable, party)
    case .closed(let end):
      try takeClosed(end, at: party)
    }
  }

  private func takeIncoming(
    _ stream: StreamID,
    _ request: OpenRequest,
    at party: Party
  ) throws(Discrepancy) {
    context.note(.sawIncoming, party, stream.rawValue)
    guard ledgers.contains(stream), ledgers[stream].opener != party,
      ledgers[stream].request == request, !ledgers[stream][of: party].knows
    else { throw Discrepancy("\(party) is told of a stream \(stream) that it may not see") }
    ledgers[stream][of: party].knows = true
    ledgers[stream][of: party].reading = randomReading()
    if context.isSettling {
      try settle(stream, at: party)
    } else if context.generator.chance(700) {
      try answer(stream, at: party)
    }
  }

  private func takeStopped(
    _ stream: StreamID,
    _ code: StreamErrorCode,
    at party: Party,
    _ event: SessionEvent
  ) throws(Discrepancy) {
    context.note(.sawStopped, party, stream.rawValue, Int(code.rawValue))
    try checkKnown(stream, at: party, event)
    let direction = ledgers[stream][from: party]
    let peerIsGone = code == .sessionClosed && peer(party.other).end != nil
    guard direction.stops.contains(code) || code == .stalled || peerIsGone, !direction.isStopped
    else {
      throw Discrepancy("\(party) is told that stream \(stream) was stopped: \(code)")
    }
    ledgers[stream][from: party].isStopped = true
    // The session answers for the application, with the code that it was given.
    for retryable in [false, true] {
      ledgers[stream][from: party].resets.insert(.init(code: code, retryable: retryable))
    }
    ledgers[stream][of: party].wanted = 0
    ledgers[stream][of: party].isBlocked = false
  }

  private func takeReset(
    _ stream: StreamID,
    _ code: StreamErrorCode,
    retryable: Bool,
    at party: Party,
    _ event: SessionEvent
  ) throws(Discrepancy) {
    context.note(.sawReset, party, stream.rawValue, Int(code.rawValue))
    try checkKnown(stream, at: party, event)
    let direction = ledgers[stream][from: party.other]
    let isSessions = [.sessionClosed, .graceExpired, .stalled].contains(code)
    guard direction.resets.contains(.init(code: code, retryable: retryable)) || isSessions else {
      throw Discrepancy("\(party) is told of a reset of stream \(stream) that nobody asked for")
    }
    guard direction.readEnd != .finished || isSessions else {
      throw Discrepancy("\(party) is told of a reset of stream \(stream) after its end")
    }
    ledgers[stream][of: party].hasUnread = false
    ledgers[stream][from: party.other].readEnd = .reset
    if code == .stalled {
      // The reading session gave up both directions, and says STOP too.
      ledgers[stream][from: party].resets.insert(.init(code: code, retryable: false))
      ledgers[stream][of: party].wanted = 0
    } else if isSessions {
      ledgers[stream][of: party].hasEnded = true
    }
  }

  private func takeEnded(
    _ stream: StreamID,
    at party: Party,
    _ event: SessionEvent
  ) throws(Discrepancy) {
    context.note(.sawEnded, party, stream.rawValue)
    try checkKnown(stream, at: party, event)
    let outgoing = ledgers[stream][from: party]
    let incoming = ledgers[stream][from: party.other]
    guard !outgoing.isOpen else {
      throw Discrepancy("\(party) is told of the end of stream \(stream), on which it sends")
    }
    guard incoming.readEnd != nil else {
      throw Discrepancy("\(party) is told of the end of stream \(stream), which it reads")
    }
    ledgers[stream][of: party].hasEnded = true
    ledgers[stream][of: party].hasUnread = false
    ledgers[stream][of: party].wanted = 0
  }

  private func takeClosed(_ end: SessionEnd, at party: Party) throws(Discrepancy) {
    context.note(.sawClosed, party)
    peer(party).end = end
    let cutOff = ledgers.live(for: party).filter { stream in
      !(end.leavesCompleteStreams && ledgers[stream][from: party.other].isFinished)
    }
    guard cutOff.isEmpty else {
      throw Discrepancy("\(party) is told \(end), and nothing of the end of \(cutOff)")
    }
  }

  /// Every event but `.incoming` is about a stream that the party knows and has not seen end.
  private func checkKnown(
    _ stream: StreamID,
    at party: Party,
    _ event: SessionEvent
  ) throws(Discrepancy) {
    guard ledgers.contains(stream), ledgers[stream][of: party].knows else {
      throw Discrepancy("\(party) is told \(event) of a stream that it does not know")
    }
    guard !ledgers[stream][of: party].hasEnded else {
      throw Discrepancy("\(party) is told \(event) of a stream that has ended")
    }
  }

  // MARK: Chance

  private func randomReading() -> StreamLedger.Reading {
    if context.isSettling { return .eager }
    switch context.generator.below(20) {
    case ..<12: return .eager
    case ..<17: return .slow(context.generator.magnitude(upTo: 20_000))
    default: return .never
    }
  }

  private func randomCode() -> StreamErrorCode {
    let codes: [StreamErrorCode] = [
      .cancelled, .targetUnreachable, .notPermitted, .draining, .connectionReset, .limitReached,
    ]
    return context.generator.element(of: codes) ?? .cancelled
  }

  private func randomRequest() -> OpenRequest {
    let number = context.generator.magnitude(upTo: 1 << 20)
    let target: OpenTarget =
      context.generator.chance(500)
      ? .service(UInt64(number)) : .address("host-\(number).example:\(number % 65_536)")
    let metadata: [OpenMetadata] =
      context.generator.chance(500) ? [.clientAddress("192.0.2.\(number % 256):\(number)")] : []
    return OpenRequest(target: target, metadata: metadata)
  }
}

extension SessionEnd {
  /// Whether streams that had arrived completely may still be read.
  fileprivate var leavesCompleteStreams: Bool {
    switch self {
    case .closedByPeer(.normal, _), .closedByPeer(.goingAway, _): true
    case .closedByPeer, .closedHere, .graceExpired: false
    }
  }
}
