import HawserPrimitives

/// One stream: its two directions, and the facts about it that the peer has to learn.
///
/// A class, so that the session can change it in place; it is confined to its session.
final class Stream {
  /// Facts other than bytes. Each is said until the peer is known to have it.
  struct Facts: OptionSet, Hashable {
    let rawValue: UInt8
    static let open = Facts(rawValue: 1)
    static let opened = Facts(rawValue: 2)
    static let credit = Facts(rawValue: 4)
    static let stop = Facts(rawValue: 8)
    static let reset = Facts(rawValue: 16)
    /// Without these the peer would be left with half a stream.
    static let essential: Facts = [.open, .opened, .reset]
  }

  let id: StreamID
  let openedHere: Bool
  /// What OPEN asked for; `nil` while the peer's OPEN has not arrived.
  var request: OpenRequest?

  var send: SendHalf
  var receive: ReceiveHalf
  var window: ReceiveWindow

  /// Facts to put into a record.
  private(set) var pending: Facts = []
  /// Facts that the peer is not known to have.
  private(set) var unacknowledged: Facts = []
  /// Whether the stream waits in the session's queue of facts.
  var isQueued = false

  /// Code of the STOP that was said.
  var stopCode = StreamErrorCode.cancelled

  /// `.readable` was said and not yet answered by reading everything.
  var readableSaid = false
  /// `send` returned `false` and `.writable` was not said since.
  var awaitsRoom = false
  /// Waits for memory that other streams hold.
  var isParkedForRoom = false
  /// `.opened` was said, or the stream was opened by the peer.
  var isOpened: Bool
  /// STOP and RESET that came before OPEN, to be told after it.
  var earlyStop: StreamErrorCode?
  var earlyReset: (code: StreamErrorCode, retryable: Bool)?

  init(
    _ id: StreamID,
    openedHere: Bool,
    request: OpenRequest?,
    credit: UInt64,
    at now: Instant
  ) {
    self.id = id
    self.openedHere = openedHere
    self.request = request
    isOpened = !openedHere
    send = SendHalf(creditLimit: credit)
    receive = ReceiveHalf(creditLimit: credit)
    window = ReceiveWindow(initial: credit, at: now)
  }

  var isControl: Bool { id == .control }

  var isAwaitingOpen: Bool { request == nil && !openedHere && !isControl }

  /// Whether nothing more has to be said or heard.
  var isEnded: Bool {
    send.isOver && receive.isOver && !isAwaitingOpen && unacknowledged.isDisjoint(with: .essential)
  }

  /// `facts` have to be said.
  func say(_ facts: Facts) {
    pending.formUnion(facts)
    unacknowledged.formUnion(facts)
  }

  /// `fact` went into a record.
  func said(_ fact: Facts) {
    pending.subtract(fact)
  }

  /// The peer has `fact`.
  func acknowledged(_ fact: Facts) {
    pending.subtract(fact)
    unacknowledged.subtract(fact)
  }

  /// The link that carried `fact` will not deliver it.
  func lost(_ fact: Facts) {
    pending.formUnion(fact.intersection(unacknowledged))
  }

  /// Forgets all facts, because nobody listens any more.
  func forgetFacts() {
    acknowledged([.open, .opened, .credit, .stop, .reset])
  }

  /// Forgets facts that no longer matter because of what has been heard since.
  func dropMootFacts() {
    if !receive.takesCredit { acknowledged([.credit, .stop]) }
  }
}
