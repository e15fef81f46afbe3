package import HawserPrimitives

package import struct NIOCore.ByteBuffer

/// The way out: facts and bytes into records, when the sending link asks for one.
///
/// Order within a record: CLOSE, or else the session's credit, facts about streams, control
/// messages, and then stream data by deficit round robin.
extension Session {
  /// Whether the sending link should ask for a record.
  package var wantsToSend: Bool {
    guard links.sending != nil else { return false }
    if isClosed { return closeIsDue }
    return creditIsDue || streamCountIsDue || !factQueue.isEmpty || !scheduler.isEmpty
      || control.send.wantsToSend
  }

  /// Bytes that a stream may send in one turn: a record full.
  var quantum: Int { links.maximumRecordSize ?? ProtocolLimits.minimumRecordSize }

  /// Appends the next record to `buffer`, at most the link's record size.
  ///
  /// - Returns: The number under which the link reports the record's delivery; `nil`, with nothing
  ///   appended, when there is nothing to send, `link` is not the sending one, or too many records
  ///   are unreported.
  package mutating func nextRecord(
    for link: LinkID,
    into buffer: inout ByteBuffer,
    at now: Instant
  ) -> RecordNumber? {
    guard link == links.sending, let size = links.maximumRecordSize,
      links.unreportedRecords < configuration.limits.unreportedRecords
    else { return nil }
    var record = RecordBuilder(end: buffer.writerIndex + size)
    if closeIsDue {
      writeClose(into: &buffer, record: &record)
    } else if !isClosed {
      writeSessionFacts(into: &buffer, record: &record)
      writeStreamFacts(into: &buffer, record: &record)
      while writeData(of: control, atMost: size, into: &buffer, record: &record) > 0 {}
      writeScheduledData(into: &buffer, record: &record)
    }
    return record.facts.isEmpty ? nil : links.sent(record.facts)
  }

  // MARK: - What is to be said

  /// `facts` about the stream have to be said.
  mutating func say(_ facts: Stream.Facts, of stream: Stream) {
    stream.say(facts)
    enqueueFacts(of: stream)
  }

  mutating func enqueueFacts(of stream: Stream) {
    guard !stream.pending.isEmpty, !stream.isQueued else { return }
    stream.isQueued = true
    factQueue.append(stream.id)
  }

  /// The stream may have bytes or a FIN to send.
  mutating func schedule(_ stream: Stream) {
    guard !stream.isControl, stream.send.wantsToSend else { return }
    scheduler.activate(stream.id, quantum: quantum)
  }

  // MARK: - Writing

  private mutating func writeClose(into buffer: inout ByteBuffer, record: inout RecordBuilder) {
    guard case .closed(.closedHere(let code, let reason)) = state else { return }
    record.write(.close(code, reason: reason), as: .close, into: &buffer)
    closeIsDue = false
  }

  private mutating func writeSessionFacts(
    into buffer: inout ByteBuffer,
    record: inout RecordBuilder
  ) {
    if creditIsDue {
      creditIsDue = false
      let limit = credit.announce()
      record.write(.sessionCredit(limit: limit), as: .sessionCredit(limit: limit), into: &buffer)
    }
    if streamCountIsDue {
      streamCountIsDue = false
      streamsAnnounced = streamCountToAnnounce
      record.write(
        .streamCount(limit: streamsAnnounced),
        as: .streamCount(limit: streamsAnnounced),
        into: &buffer
      )
    }
  }

  private mutating func writeStreamFacts(
    into buffer: inout ByteBuffer,
    record: inout RecordBuilder
  ) {
    while let id = factQueue.first {
      if let stream = stream(id), !stream.pending.isEmpty {
        guard let frame = nextFactFrame(of: stream) else { return }
        guard record.fits(frame.frame.encodedSizeBound, after: buffer) else { return }
        record.write(frame.frame, as: frame.fact, into: &buffer)
        stream.said(frame.said)
        if !stream.pending.isEmpty { continue }
      }
      factQueue.removeFirst()
      stream(id)?.isQueued = false
    }
  }

  /// The stream's next fact as a frame, how it is remembered, and which pending fact it says.
  private func nextFactFrame(
    of stream: Stream
  ) -> (frame: Frame, fact: SentFact, said: Stream.Facts)? {
    let id = stream.id
    if stream.pending.contains(.open), let request = stream.request {
      return (.open(id, request), .stream(id, .open), .open)
    }
    if stream.pending.contains(.opened) {
      return (.opened(id), .stream(id, .opened), .opened)
    }
    if stream.pending.contains(.credit) {
      let limit = stream.receive.creditLimit
      return (.streamCredit(id, limit: limit), .streamCredit(id, limit: limit), .credit)
    }
    if stream.pending.contains(.stop) {
      return (.stop(id, stream.stopCode), .stream(id, .stop), .stop)
    }
    if stream.pending.contains(.reset), let fact = stream.send.resetFact {
      let frame = Frame.reset(
        id,
        fact.code,
        finalSize: fact.finalSize,
        retryable: fact.retryable
      )
      return (frame, .stream(id, .reset), .reset)
    }
    assertionFailure("a pending fact without its contents")
    return nil
  }

  private mutating func writeScheduledData(
    into buffer: inout ByteBuffer,
    record: inout RecordBuilder
  ) {
    while let turn = scheduler.next(quantum: quantum) {
      guard record.hasRoomForData(after: buffer) else { return }
      guard let stream = streams[turn.stream] else {
        scheduler.yield()
        continue
      }
      let sent = writeData(of: stream, atMost: turn.allowance, into: &buffer, record: &record)
      scheduler.charge(sent)
      if !stream.send.wantsToSend {
        scheduler.yield()
      } else if sent == 0 {
        // Only the session's credit can be what is missing.
        scheduler.yield()
        blockedBySessionCredit.append(stream.id)
      }
    }
  }

  /// Writes one DATA frame of the stream.
  ///
  /// - Returns: The bytes of the record that it took; 0 when nothing could be sent.
  private mutating func writeData(
    of stream: Stream,
    atMost maximum: Int,
    into buffer: inout ByteBuffer,
    record: inout RecordBuilder
  ) -> Int {
    let start = buffer.writerIndex
    let room = record.roomForData(after: buffer)
    guard room > 0 else { return 0 }
    let newBytes = stream.isControl ? .max : credit.available
    guard let piece = stream.send.nextPiece(atMost: min(room, maximum), newBytes: newBytes)
    else { return 0 }
    Frame.writeDataHeader(
      stream.id,
      offset: piece.range.lowerBound,
      count: piece.range.count,
      fin: piece.fin,
      into: &buffer
    )
    let firstTime = stream.send.send(piece, into: &buffer)
    if !stream.isControl { credit.send(firstTime) }
    record.facts.append(.data(stream.id, piece))
    noteRoom(of: stream)
    return buffer.writerIndex - start
  }
}

/// One record in the making.
private struct RecordBuilder {
  /// The largest header of a DATA frame, in bytes.
  private static let dataHeaderBound = 1 + 3 * 8

  /// The writer index that the record must not pass.
  let end: Int
  var facts: [SentFact] = []

  init(end: Int) {
    self.end = end
  }

  func fits(_ bytes: Int, after buffer: ByteBuffer) -> Bool {
    buffer.writerIndex + bytes <= end
  }

  /// Bytes of stream data that fit behind a header.
  func roomForData(after buffer: ByteBuffer) -> Int {
    max(0, end - buffer.writerIndex - Self.dataHeaderBound)
  }

  func hasRoomForData(after buffer: ByteBuffer) -> Bool {
    roomForData(after: buffer) > 0
  }

  mutating func write(_ frame: Frame, as fact: SentFact, into buffer: inout ByteBuffer) {
    frame.write(into: &buffer)
    facts.append(fact)
  }
}
