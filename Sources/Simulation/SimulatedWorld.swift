internal import HawserPrimitives
internal import HawserSession

/// Puts the parts of a run together: draws operations, moves the clock, checks after every event.
final class SimulatedWorld {
  /// A run that has not drained by then, with everybody willing, makes no progress.
  private static let patience = Duration.seconds(3600)
  /// Events that may happen at one instant: more are a loop that never ends.
  private static let eventsAtOnce = 100_000

  private let context: SimulationContext
  private let peers: [SimulatedPeer]
  private let ledgers: Ledgers
  private let applications: SimulatedApplications
  private let network: SimulatedNetwork
  private var scheduledDeadlines: [Instant?] = [nil, nil]
  private var eventsNow = 0

  init(seed: UInt64) {
    let context = SimulationContext(seed: seed)
    peers = Party.allCases.map { SimulatedPeer(party: $0, plan: context.plan) }
    ledgers = Ledgers(pattern: BytePattern(using: &context.generator))
    applications = SimulatedApplications(context: context, peers: peers, ledgers: ledgers)
    network = SimulatedNetwork(context: context, peers: peers, ledgers: ledgers)
    self.context = context
    network.ensureDialling()
  }

  /// Whether both sessions have ended, and what they left to be read has been read or given up.
  var isOver: Bool {
    peers.allSatisfy { $0.end != nil && $0.session.statistics.streams == 0 }
  }

  /// The last happenings.
  var trace: [String] { context.trace.lines }

  /// What was done so far.
  var report: SimulationReport {
    var report = context.report
    report.ending = context.plan.ending
    report.elapsed = context.now - .origin
    report.fingerprint = context.trace.fingerprint
    return report
  }

  // MARK: Steps

  /// Lets time pass, then does one random operation.
  func step() throws(Discrepancy) {
    try advance(to: context.now + context.generator.duration(in: context.plan.gap))
    context.report.operations += 1
    if context.generator.chance(context.plan.disturbances) {
      disturb()
    } else {
      try operate()
    }
    try react()
  }

  private func disturb() {
    switch context.generator.below(12) {
    case ..<5: network.cutSomeLink()
    case 5: network.breakDown(for: context.generator.duration(in: .zero...context.plan.outage))
    case ..<9: network.dial()
    default: network.resizeSomeLink()
    }
  }

  private func operate() throws(Discrepancy) {
    let living = Party.allCases.filter { peers[$0.rawValue].end == nil }
    guard let party = context.generator.element(of: living) else { return }
    let choice = context.generator.below(100)
    if choice < 12 { return try applications.open(at: party) }
    if choice < 20 { return try applications.write(on: .control, at: party) }
    if choice < 22 { return try applications.changeReading(of: .control, at: party) }
    // Young streams have the more delicate life.
    let live = ledgers.live(for: party)
    let chosen = context.generator.chance(300) ? live.last : context.generator.element(of: live)
    guard let stream = chosen else { return }
    switch choice {
    case ..<62: try applications.write(on: stream, at: party)
    case ..<72: applications.finish(stream, at: party)
    case ..<77: applications.reset(stream, at: party)
    case ..<82: applications.stop(stream, at: party)
    case ..<85: try applications.abort(stream, at: party)
    case ..<93: try applications.changeReading(of: stream, at: party)
    default: try applications.answer(stream, at: party)
    }
  }

  // MARK: The end

  /// Brings the run to its end as planned, and checks that nothing is left.
  func end() throws(Discrepancy) {
    switch context.plan.ending {
    case .drain:
      if context.generator.chance(500) { try serveTheWilling() }
      if context.generator.chance(500) { try drain() }
      if !isOver { try closeGracefully() }
    case .close:
      network.heal()
      let party: Party = context.generator.chance(500) ? .dialler : .acceptor
      context.note(.closes, party)
      if peers[party.rawValue].end == nil {
        peers[party.rawValue].session.close(
          .goingAway,
          reason: "the simulation is over",
          at: context.now
        )
      }
      try react()
    case .graceExpiry:
      network.breakDown(for: context.plan.grace * 3 + .seconds(60))
      try react()
    }
    try run(until: "both sessions end") { isOver }
    for party in Party.allCases { try checkFreed(party) }
  }

  /// With a healthy network and willing readers, everything that was written arrives.
  private func drain() throws(Discrepancy) {
    context.isSettling = true
    network.heal()
    for party in Party.allCases where peers[party.rawValue].end == nil {
      try applications.settleControl(at: party)
      for stream in ledgers.live(for: party) { try applications.settle(stream, at: party) }
    }
    try react()
    try run(until: "everything drains") {
      isOver || (Party.allCases.allSatisfy(isDrained) && ledgers.isControlRead)
    }
    for party in Party.allCases { try checkIdle(party) }
    try checkCounts()
  }

  private func isDrained(_ party: Party) -> Bool {
    let statistics = peers[party.rawValue].session.statistics
    return statistics.streams == 0 && statistics.retainedBytes == 0 && statistics.unreadBytes == 0
      && (isOver || network.isCreditBack(for: party)) && ledgers.live(for: party).isEmpty
      && network.hasCredit(for: party, on: ledgers[.control])
  }

  /// With a healthy network, whoever reads gets everything, whatever the others neglect: the
  /// session's credit covers all that the streams' credit allows. Not so when it was made scarce.
  private func serveTheWilling() throws(Discrepancy) {
    guard context.plan.grants == context.plan.limits.initialGrants else { return }
    network.heal()
    try react()
    try run(until: "those who read have read") {
      peers.contains { $0.end != nil }
        || Party.allCases.allSatisfy { writer in
          ledgers.live(for: writer).allSatisfy { isServed($0, from: writer) }
        }
    }
  }

  /// Whether a reader that reads has got everything, and its writer credit for more.
  private func isServed(_ stream: StreamID, from writer: Party) -> Bool {
    let ledger = ledgers[stream]
    return !ledger.isRead(from: writer)
      || (ledger.hasArrived(from: writer)
        && (ledger[from: writer].isFinished || network.hasCredit(for: writer, on: ledger)))
  }

  /// Closes as soon as everything has drained, which may or may not be so already.
  private func closeGracefully() throws(Discrepancy) {
    let party: Party = context.generator.chance(500) ? .dialler : .acceptor
    network.heal()
    try react()
    try run(until: "a link is up") { network.isCalm || isOver }
    if peers.contains(where: { $0.end != nil }) { return }
    try applications.write(on: .control, at: party)
    context.note(.drains, party)
    peers[party.rawValue].session.closeWhenDrained(
      .normal,
      reason: "drained",
      deadline: context.now + Self.patience,
      at: context.now
    )
    try drain()
    let drained = context.now
    try run(until: "the graceful close is heard") { isOver }
    guard peers[party.rawValue].end == .closedHere(.normal, reason: "drained"),
      peers[party.other.rawValue].end == .closedByPeer(.normal, reason: "drained"),
      context.now - drained < context.plan.grace
    else {
      throw Discrepancy(
        "a graceful close ended as \(peers.map { "\(String(describing: $0.end))" })"
      )
    }
  }

  // MARK: Time

  private func run(
    until purpose: String,
    _ isDone: () -> Bool
  ) throws(Discrepancy) {
    let limit = context.now + Self.patience
    while !isDone() {
      guard let next = context.queue.next else {
        throw Discrepancy("nothing happens any more before \(purpose): \(remains)")
      }
      guard next <= limit else {
        throw Discrepancy("\(Self.patience) are not enough until \(purpose): \(remains)")
      }
      try advanceOnce()
    }
  }

  private func advance(to instant: Instant) throws(Discrepancy) {
    while let next = context.queue.next, next <= instant { try advanceOnce() }
    context.now = instant
  }

  private func advanceOnce() throws(Discrepancy) {
    guard let (at, event) = context.queue.pop() else { return }
    eventsNow = at == context.now ? eventsNow + 1 : 0
    guard eventsNow < Self.eventsAtOnce else {
      throw Discrepancy("time stands still at \(at.nanoseconds) ns")
    }
    context.now = max(context.now, at)
    try handle(event)
    try react()
  }

  private func handle(_ event: SimulationEvent) throws(Discrepancy) {
    switch event {
    case .arrival(let link, let sender, let number):
      try network.arrive(number, on: link, from: sender)
    case .report(let link, let party, let number):
      network.report(number, on: link, to: party)
    case .attach(let link, let party):
      try network.attach(link, at: party)
    case .detach(let link, let party):
      network.detach(link, at: party)
    case .departures(let party):
      network.departuresAreDue(at: party)
    case .deadline(let party):
      try reachDeadline(of: party)
    case .turn(let party, let stream):
      try applications.takeTurn(stream, at: party)
    case .dial:
      network.dialIsDue()
    }
  }

  private func reachDeadline(of party: Party) throws(Discrepancy) {
    scheduledDeadlines[party.rawValue] = nil
    let peer = peers[party.rawValue]
    guard let deadline = peer.session.nextDeadline, deadline <= context.now else { return }
    context.note(.deadline, party)
    peer.session.deadlineReached(at: context.now)
    if let next = peer.session.nextDeadline, next <= context.now {
      throw Discrepancy("\(party) sets a deadline that has passed")
    }
  }

  /// After any input: events upwards, records downwards, the deadline, the checks.
  private func react() throws(Discrepancy) {
    for party in Party.allCases {
      try applications.takeEvents(of: party)
      try network.transmit(from: party)
      try applications.takeEvents(of: party)
      scheduleDeadline(of: party)
      try checkBounds(of: party)
    }
    network.ensureDialling()
  }

  private func scheduleDeadline(of party: Party) {
    guard let deadline = peers[party.rawValue].session.nextDeadline else { return }
    if let scheduled = scheduledDeadlines[party.rawValue], scheduled <= deadline { return }
    scheduledDeadlines[party.rawValue] = deadline
    context.queue.schedule(.deadline(party), at: max(deadline, context.now))
  }

  // MARK: Checks

  /// Nothing grows beyond what the configuration allows.
  private func checkBounds(of party: Party) throws(Discrepancy) {
    let peer = peers[party.rawValue]
    let limits = context.plan.limits
    let statistics = peer.session.statistics
    let streams = statistics.streams + 1
    let retainedLimit =
      limits.retainedBytes
      + streams * (limits.guaranteedRetainedBytes + SimulatedApplications.largestSend)
    guard (0...retainedLimit).contains(statistics.retainedBytes) else {
      throw Discrepancy("\(party) retains \(statistics.retainedBytes) of \(retainedLimit)")
    }
    let unreadLimit =
      limits.growthBytes + streams * Int(ProtocolLimits.initialStreamCredit)
    guard (0...unreadLimit).contains(statistics.unreadBytes) else {
      throw Discrepancy("\(party) holds \(statistics.unreadBytes) unread of \(unreadLimit)")
    }
    guard (0...limits.growthBytes).contains(statistics.growthBytes),
      (0...context.plan.budget).contains(peer.budget.receiveBytes),
      statistics.growthBytes <= peer.budget.receiveBytes
    else {
      throw Discrepancy(
        "\(party) grew by \(statistics.growthBytes), of the process's \(peer.budget.receiveBytes)"
      )
    }
    guard statistics.bytesSent == network.bytesSent(by: party),
      statistics.bytesReceived <= network.bytesSent(by: party.other)
    else {
      throw Discrepancy(
        "\(party) counts \(statistics.bytesSent) sent and \(statistics.bytesReceived) received"
      )
    }
    guard statistics.streams <= 3 * Int(limits.concurrentStreams) else {
      throw Discrepancy("\(party) has \(statistics.streams) streams")
    }
  }

  /// When everything has arrived, each has received what the other sent.
  private func checkCounts() throws(Discrepancy) {
    for party in Party.allCases where peers[party.rawValue].end == nil {
      let received = peers[party.rawValue].session.statistics.bytesReceived
      guard received == network.bytesSent(by: party.other) else {
        throw Discrepancy("\(party) has drained and counts \(received) bytes received")
      }
    }
  }

  /// A drained session holds nothing but itself.
  private func checkIdle(_ party: Party) throws(Discrepancy) {
    let statistics = peers[party.rawValue].session.statistics
    let budget = peers[party.rawValue].budget
    guard statistics.streams == 0, statistics.retainedBytes == 0, statistics.unreadBytes == 0,
      budget.retainedBytes == 0
    else { throw Discrepancy("\(party) is idle and still holds \(statistics)") }
  }

  private func checkFreed(_ party: Party) throws(Discrepancy) {
    try checkIdle(party)
    let statistics = peers[party.rawValue].session.statistics
    let budget = peers[party.rawValue].budget
    guard statistics.growthBytes == 0, statistics.receiveMemory == 0, budget.receiveBytes == 0
    else {
      throw Discrepancy(
        "\(party) has ended and still holds \(statistics), \(budget.receiveBytes) of the budget"
      )
    }
  }

  /// What is left, for a message.
  private var remains: String {
    Party.allCases.map { party in
      let session = peers[party.rawValue].session.statistics
      let live = ledgers.live(for: party).map { stream in
        let view = ledgers[stream][of: party]
        let out = ledgers[stream][from: party]
        let into = ledgers[stream][from: party.other]
        return "\(stream) (sent \(out.sent)\(out.isFinished ? " FIN" : "")"
          + ", read \(into.read) of \(into.sent)\(into.readEnd == nil ? "" : ", over")"
          + ", wants to write \(view.wanted), reads \(view.reading))"
      }
      return "\(party) has \(session.streams) streams, \(session.retainedBytes) bytes retained, "
        + "\(session.unreadBytes) unread; live: \(live.joined(separator: ", "))"
    }.joined(separator: "; ")
  }
}

extension Ledgers {
  /// Whether all that was written to the control stream has been read.
  fileprivate var isControlRead: Bool {
    Party.allCases.allSatisfy {
      self[.control][from: $0].read == self[.control][from: $0].sent
        && self[.control][of: $0].wanted == 0
    }
  }
}
