internal import HawserPrimitives
internal import HawserSession

/// What waits on the virtual clock. Links are named by their place in the network's list.
enum SimulationEvent {
  case arrival(link: Int, from: Party, RecordNumber)
  case report(link: Int, to: Party, RecordNumber)
  case attach(link: Int, Party)
  case detach(link: Int, Party)
  /// A link may take another record.
  case departures(Party)
  case deadline(Party)
  /// A slow reader reads again.
  case turn(Party, StreamID)
  case dial
}

/// What all parts of one run share: chance, time, the plan, and what is known of the run.
final class SimulationContext {
  let plan: SimulationPlan
  var generator: SeededGenerator
  var queue = EventQueue<SimulationEvent>()
  var now = Instant.origin
  var trace = SimulationTrace()
  var report = SimulationReport()

  /// Whether the network and the readers behave from now on, so that everything must drain.
  var isSettling = false

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    plan = SimulationPlan(using: &generator)
  }

  /// Adds an event to the clock.
  func schedule(_ event: SimulationEvent, after delay: Duration) {
    queue.schedule(event, at: now + delay)
  }

  /// Notes a happening at the present time.
  func note(
    _ verb: Happening.Verb,
    _ party: Party,
    _ subject: UInt64 = 0,
    _ first: Int = 0,
    _ second: Int = 0
  ) {
    trace.note(verb, party, at: now, subject, first, second)
  }
}

/// One party: its session, and the memory that its process allows.
final class SimulatedPeer {
  let party: Party
  let budget: MemoryBudget
  var session: Session
  /// Set by the session's last event.
  var end: SessionEnd?

  init(party: Party, plan: SimulationPlan) {
    self.party = party
    budget = MemoryBudget(receiveBytes: plan.budget)
    let configuration = SessionConfiguration(
      side: party.side,
      grace: plan.grace,
      limits: plan.limits,
      peerGrants: plan.grants
    )
    session = Session(configuration: configuration, budget: budget, at: .origin)
  }
}

/// The accounts of all streams of a run, in the order of their opening.
final class Ledgers {
  let pattern: BytePattern
  private(set) var order: [StreamID] = [.control]
  private var streams: [StreamID: StreamLedger] = [:]

  init(pattern: BytePattern) {
    self.pattern = pattern
    var control = StreamLedger(
      id: .control,
      opener: .dialler,
      request: OpenRequest(target: .service(0))
    )
    control[of: .acceptor].knows = true
    streams[.control] = control
  }

  /// Whether such a stream was ever opened.
  func contains(_ stream: StreamID) -> Bool { streams[stream] != nil }

  /// The account of a stream that exists.
  ///
  /// Asking for another one gives an empty account that nobody knows of.
  subscript(stream: StreamID) -> StreamLedger {
    get { streams[stream] ?? Self.nobody(stream) }
    _modify { yield &streams[stream, default: Self.nobody(stream)] }
  }

  /// Opens an account.
  func add(_ ledger: StreamLedger) {
    order.append(ledger.id)
    streams[ledger.id] = ledger
  }

  /// The streams that `party` knows and has not seen end; the control stream is not among them.
  func live(for party: Party) -> [StreamID] {
    order.filter { $0 != .control && self[$0][of: party].knows && !self[$0][of: party].hasEnded }
  }

  private static func nobody(_ stream: StreamID) -> StreamLedger {
    StreamLedger(id: stream, opener: .dialler, request: OpenRequest(target: .service(0)))
  }
}
