internal import HawserPrimitives
internal import HawserSession
internal import struct NIOCore.ByteBuffer

/// All links of a run, the dialling, and the disasters.
final class SimulatedNetwork {
  /// From a dialler's loss of its last link to the next attempt.
  private static let dialInterval = Duration.milliseconds(500)
  /// The longest that a party takes to notice the death of a link.
  private static let slowestDetection = Duration.seconds(3)

  private let context: SimulationContext
  private let peers: [SimulatedPeer]
  private let ledgers: Ledgers
  private var wiretap: Wiretap
  private var links: [SimulatedLink] = []
  private var lastEpoch: AttachmentEpoch = 0
  private var isBackAt = Instant.origin
  private var isDialScheduled = false
  private var departuresDue: [Instant?] = [nil, nil]

  init(context: SimulationContext, peers: [SimulatedPeer], ledgers: Ledgers) {
    self.context = context
    self.peers = peers
    self.ledgers = ledgers
    wiretap = Wiretap(plan: context.plan)
  }

  // MARK: Dialling

  /// Schedules an attempt when the dialler has no link and none under way.
  func ensureDialling() {
    let dialler = peers[Party.dialler.rawValue]
    guard dialler.end == nil, !isDialScheduled,
      !links.contains(where: { $0[.dialler].attachment != .gone })
    else { return }
    isDialScheduled = true
    let wait = max(isBackAt - context.now, .zero)
    context.schedule(.dial, after: links.isEmpty ? wait : wait + Self.dialInterval)
  }

  /// The time of a scheduled attempt has come.
  func dialIsDue() {
    isDialScheduled = false
    guard peers[Party.dialler.rawValue].end == nil else { return }
    dial()
  }

  /// Starts another attempt, beside links that are still up perhaps: the acceptor closes those.
  ///
  /// HELLO takes one delay to the acceptor, WELCOME one back.
  func dial() {
    guard context.now >= isBackAt else { return }
    lastEpoch += 1
    let index = links.count
    let keepsOrder: Bool
    switch context.plan.order {
    case .kept: keepsOrder = true
    case .anyOrder: keepsOrder = false
    case .either: keepsOrder = context.generator.chance(500)
    }
    links.append(
      SimulatedLink(
        id: LinkID(UInt64(index + 1)),
        epoch: lastEpoch,
        keepsOrder: keepsOrder,
        maximumRecordSize: context.generator.integer(in: context.plan.recordSizes)
      )
    )
    context.note(.dials, .dialler, UInt64(index + 1), Int(lastEpoch))
    context.schedule(
      .attach(link: index, .acceptor),
      after: context.generator.duration(in: context.plan.delay)
    )
  }

  /// A party learns that the link is up.
  func attach(_ index: Int, at party: Party) throws(Discrepancy) {
    let peer = peers[party.rawValue]
    guard links[index][party].attachment == .waiting else { return }
    if peer.end != nil || links[index].epoch <= peer.session.epoch {
      // Refused: the other side hears of it, or of nothing.
      return kill(index)
    }
    if links[index].isCut { return }
    let link = links[index]
    links[index][party].attachment = .attached
    context.note(
      .attaches,
      party,
      link.id.rawValue,
      Int(link.epoch),
      link[party].maximumRecordSize
    )
    peer.session.attach(
      link.id,
      epoch: link.epoch,
      maximumRecordSize: link[party].maximumRecordSize,
      at: context.now
    )
    if party == .acceptor {
      context.report.links += 1
      closeLinks(before: index)
      context.schedule(
        .attach(link: index, .dialler),
        after: context.generator.duration(in: context.plan.delay)
      )
    }
    let held = link[party].held
    links[index][party].held = []
    for number in held { try take(number, on: index, at: party) }
  }

  /// Closes the links that a newer one replaces, after some time in which they still carry records
  /// to the acceptor; the dialler hears of it later.
  private func closeLinks(before newer: Int) {
    for index in links.indices where links[index].epoch < links[newer].epoch {
      guard links[index].isAlive else { continue }
      let wait = context.generator.duration(in: .zero...Self.slowestDetection)
      let journey = context.generator.duration(in: context.plan.delay)
      context.schedule(.detach(link: index, .acceptor), after: wait)
      context.schedule(.detach(link: index, .dialler), after: wait + journey)
    }
  }

  /// Whether both parties send on the same living link, and no newer one is on its way.
  var isCalm: Bool {
    let known = links.filter { link in
      Party.allCases.contains { link[$0].attachment != .gone }
    }
    guard let newest = known.last, !newest.isCut, !isDialScheduled else { return false }
    return peers.allSatisfy { $0.session.sendingLink == newest.id }
  }

  /// A party has noticed that the link is dead.
  func detach(_ index: Int, at party: Party) {
    let wasAttached = links[index].isUsable(by: party)
    links[index][party].attachment = .gone
    links[index][party].held = []
    guard wasAttached else { return }
    context.note(.detaches, party, links[index].id.rawValue)
    peers[party.rawValue].session.detach(links[index].id, at: context.now)
  }

  /// Bytes that `sender` has put on any link for the first time, the control stream's excepted.
  func bytesSent(by sender: Party) -> UInt64 { wiretap.bytesSent(by: sender) }

  /// Whether `sender` has heard of the credit for everything that was read.
  func isCreditBack(for sender: Party) -> Bool { wiretap.isCreditBack(for: sender) }

  /// Whether `sender` may go on sending on a stream whose reader has read everything.
  func hasCredit(for sender: Party, on stream: StreamLedger) -> Bool {
    wiretap.hasCredit(for: sender, on: stream.id, beyond: stream[from: sender].read)
  }

  // MARK: Records

  /// Asks the session for records as far as the party's links have room.
  func transmit(from party: Party) throws(Discrepancy) {
    for index in links.indices where links[index].isUsable(by: party) {
      try transmit(from: party, on: index)
    }
  }

  private func transmit(from party: Party, on index: Int) throws(Discrepancy) {
    let peer = peers[party.rawValue]
    let id = links[index].id
    while links[index].hasRoom(for: party, window: context.plan.window) {
      let isSending = peer.session.sendingLink == id
      if isSending, links[index][party].nextDeparture > context.now {
        wakeTransmission(of: party, at: links[index][party].nextDeparture)
        return
      }
      let wanted = peer.session.wantsToSend
      var record = ByteBuffer()
      guard let number = peer.session.nextRecord(for: id, into: &record, at: context.now) else {
        if isSending, peer.session.wantsToSend {
          throw Discrepancy("\(party) wants to send, and has no record for link \(id)")
        }
        return
      }
      guard isSending, wanted else {
        throw Discrepancy("\(party) gives link \(id) a record that it did not announce")
      }
      guard number.rawValue == UInt64(links[index][party].flights.count) + 1 else {
        throw Discrepancy("\(party) numbers a record of link \(id) as \(number.rawValue)")
      }
      guard record.readableBytes <= links[index][party].maximumRecordSize else {
        throw Discrepancy("\(party) makes a record of \(record.readableBytes) for link \(id)")
      }
      depart(record, number, from: party, on: index)
      try wiretap.departs(record, from: party, ledgers: ledgers)
    }
  }

  private func depart(
    _ record: ByteBuffer,
    _ number: RecordNumber,
    from party: Party,
    on index: Int
  ) {
    context.report.records += 1
    context.note(
      .departs,
      party,
      links[index].id.rawValue,
      Int(number.rawValue),
      record.readableBytes
    )
    context.trace.fold(record)
    let arrivals = links[index].depart(
      record,
      from: party,
      at: context.now,
      plan: context.plan,
      using: &context.generator
    )
    for arrival in arrivals {
      context.queue.schedule(.arrival(link: index, from: party, number), at: arrival)
    }
  }

  private func wakeTransmission(of party: Party, at instant: Instant) {
    if let due = departuresDue[party.rawValue], due <= instant { return }
    departuresDue[party.rawValue] = instant
    context.queue.schedule(.departures(party), at: instant)
  }

  /// The time for another departure has come.
  func departuresAreDue(at party: Party) {
    departuresDue[party.rawValue] = nil
  }

  /// A record reaches the other end.
  func arrive(_ number: RecordNumber, on index: Int, from sender: Party) throws(Discrepancy) {
    let receiver = sender.other
    guard !links[index][sender, number].isLost, links[index][receiver].attachment != .gone,
      links[index].delivers(from: sender, using: &context.generator)
    else {
      context.note(.vanishes, receiver, links[index].id.rawValue, Int(number.rawValue))
      return
    }
    if links[index][receiver].attachment == .waiting {
      context.note(.held, receiver, links[index].id.rawValue, Int(number.rawValue))
      links[index][receiver].held.append(number)
    } else {
      try take(number, on: index, at: receiver)
    }
  }

  private func take(
    _ number: RecordNumber,
    on index: Int,
    at receiver: Party
  ) throws(Discrepancy) {
    let sender = receiver.other
    let flight = links[index][sender, number]
    let id = links[index].id
    context.note(.arrives, receiver, id.rawValue, Int(number.rawValue))
    do {
      try peers[receiver.rawValue].session.receive(flight.record, at: context.now)
    } catch {
      throw Discrepancy(
        "\(receiver) takes record \(number.rawValue) of link \(id) for wrong: \(error)"
      )
    }
    try wiretap.taken(flight.record, from: sender)
    guard !flight.hasArrived else { return }
    links[index][sender, number].hasArrived = true
    let report = links[index].reportTime(
      to: sender,
      at: context.now,
      plan: context.plan,
      using: &context.generator
    )
    context.queue.schedule(.report(link: index, to: sender, number), at: report)
  }

  /// The report that a record was taken reaches its sender.
  func report(_ number: RecordNumber, on index: Int, to party: Party) {
    let link = links[index]
    guard link[party].attachment == .attached,
      links[index].reports(to: party, using: &context.generator)
    else { return }
    let flight = link[party, number]
    links[index][party, number].isReported = true
    if !flight.isAbandoned { links[index][party].unreported -= 1 }
    context.note(.reported, party, link.id.rawValue, Int(number.rawValue))
    let peer = peers[party.rawValue]
    peer.session.roundTrip(context.now - flight.departed, on: link.id)
    peer.session.delivered(number, on: link.id, at: context.now)
  }

  // MARK: Disasters

  /// Cuts one link that lives.
  func cutSomeLink() {
    let living = links.indices.filter { links[$0].isAlive }
    if let index = context.generator.element(of: living) { kill(index) }
  }

  /// Cuts every link, and lets nobody dial for `duration`.
  func breakDown(for duration: Duration) {
    context.note(.outage, .dialler, 0, Int(duration / .milliseconds(1)))
    isBackAt = max(isBackAt, context.now + duration)
    for index in links.indices { kill(index) }
  }

  /// Ends any outage.
  func heal() {
    isBackAt = context.now
  }

  /// Changes the record size of one living link at one end.
  func resizeSomeLink() {
    let living = links.indices.filter { links[$0][.dialler].attachment == .attached }
    guard let index = context.generator.element(of: living) else { return }
    let party: Party = context.generator.chance(500) ? .dialler : .acceptor
    guard links[index].isUsable(by: party) else { return }
    let size = context.generator.integer(in: context.plan.recordSizes)
    let abandoned = links[index].resize(to: size, at: party, using: &context.generator)
    context.note(.resizes, party, links[index].id.rawValue, size, abandoned.count)
    peers[party.rawValue].session.setMaximumRecordSize(size, on: links[index].id)
    for record in abandoned {
      peers[party.rawValue].session.abandon(record, on: links[index].id, at: context.now)
    }
  }

  private func kill(_ index: Int) {
    guard !links[index].isCut else { return }
    context.note(.cut, .dialler, links[index].id.rawValue)
    if links[index].isUsable(by: .acceptor) { context.report.cuts += 1 }
    links[index].cut(using: &context.generator)
    let slowest: Duration = context.generator.chance(500) ? Self.slowestDetection : .zero
    for party in Party.allCases {
      let wait = context.generator.duration(in: .zero...slowest)
      context.schedule(.detach(link: index, party), after: wait)
    }
  }
}
