package import HawserPrimitives

/// The links below: which of them sends, and what happens to what they had in flight.
extension Session {
  /// The link that is asked for records; `nil` in grace.
  package var sendingLink: LinkID? { links.sending }

  /// The highest epoch attached so far; 0 before the first.
  package var epoch: AttachmentEpoch { links.epoch ?? 0 }

  /// Adds a link and sends on it from now on. What older links have in flight moves at once; they
  /// may go on receiving until they are detached.
  ///
  /// - Parameters:
  ///   - link: One that was never attached before.
  ///   - epoch: Higher than all before; any other is ignored, the caller has refused it.
  ///   - maximumRecordSize: In bytes, at least ``ProtocolLimits/minimumRecordSize``.
  ///   - now: The instant of the call.
  package mutating func attach(
    _ link: LinkID,
    epoch: AttachmentEpoch,
    maximumRecordSize: Int,
    at now: Instant
  ) {
    assert(maximumRecordSize >= ProtocolLimits.minimumRecordSize)
    guard !isClosed,
      let moved = links.attach(link, epoch: epoch, maximumRecordSize: maximumRecordSize)
    else { return }
    graceEnds = nil
    requeue(moved)
    rebuildSchedule()
  }

  /// The link is dead. Without a sending link grace begins.
  package mutating func detach(_ link: LinkID, at now: Instant) {
    guard let lost = links.detach(link), !isClosed else { return }
    requeue(lost)
    if links.sending == nil, graceEnds == nil { graceEnds = now + configuration.grace }
  }

  /// The path's size changed; records that are in flight stay as they are.
  package mutating func setMaximumRecordSize(_ bytes: Int, on link: LinkID) {
    assert(bytes >= ProtocolLimits.minimumRecordSize)
    links.setMaximumRecordSize(bytes, on: link)
  }

  /// A smoothed round trip of the link; paces the growth of credit.
  package mutating func roundTrip(_ sample: Duration, on link: LinkID) {
    if link == links.sending { roundTrip = sample }
  }

  /// The link's report that the peer has `record`. Reports may come in any order, and twice.
  package mutating func delivered(_ record: RecordNumber, on link: LinkID, at now: Instant) {
    for fact in links.take(record, on: link) ?? [] { acknowledge(fact) }
    closeIfDrained()
  }

  /// The link gave up `record`, such as one that has become larger than its path allows: its facts
  /// are framed anew.
  package mutating func abandon(_ record: RecordNumber, on link: LinkID, at now: Instant) {
    requeue(links.take(record, on: link) ?? [])
  }

  private mutating func acknowledge(_ fact: SentFact) {
    switch fact {
    case .stream(let id, let facts):
      guard let stream = streams[id] else { return }
      stream.acknowledged(facts)
      if facts.contains(.reset) { stream.send.resetAcknowledged() }
      removeIfEnded(stream)
    case .streamCredit(let id, let limit):
      guard let stream = stream(id), stream.receive.creditLimit == limit else { return }
      stream.acknowledged(.credit)
    case .data(let id, let piece):
      guard let stream = stream(id) else { return }
      let retained = stream.send.retainedBytes
      stream.send.acknowledge(piece)
      changeRetained(by: stream.send.retainedBytes - retained)
      noteRoom(of: stream)
      wakeParked()
      removeIfEnded(stream)
    case .sessionCredit, .streamCount, .close:
      break
    }
  }

  private mutating func requeue(_ facts: [SentFact]) {
    for fact in facts {
      switch fact {
      case .stream(let id, let facts):
        guard let stream = streams[id] else { continue }
        stream.lost(facts)
        enqueueFacts(of: stream)
      case .streamCredit(let id, _):
        guard let stream = stream(id) else { continue }
        stream.lost(.credit)
        enqueueFacts(of: stream)
      case .data(let id, let piece):
        guard let stream = stream(id) else { continue }
        stream.send.lose(piece)
        schedule(stream)
      case .sessionCredit:
        creditIsDue = true
      case .streamCount:
        streamCountIsDue = true
      case .close:
        closeIsDue = true
      }
    }
  }

  /// After an outage streams with little to send go before bulk backlog.
  private mutating func rebuildSchedule() {
    scheduler.removeAll()
    blockedBySessionCredit.removeAll()
    let waiting = streams.values.filter(\.send.wantsToSend)
      .sorted { ($0.send.retainedBytes, $0.id) < ($1.send.retainedBytes, $1.id) }
    for stream in waiting {
      scheduler.activate(
        stream.id,
        quantum: quantum,
        isBulk: stream.send.retainedBytes > quantum
      )
    }
  }
}
