internal import HawserPrimitives
internal import HawserSession
internal import HawserTransport
internal import NIOCore

internal import HawserHandshake
internal import Logging

/// Whose session it is: a role's view of its peer. Called on the session's event loop.
protocol SessionOwner: AnyObject {
  /// The peer asks for a stream: join an endpoint to it, or abort it.
  func session(_ host: SessionHost, incoming stream: StreamID, _ request: OpenRequest)
  /// The peer said something on the control stream.
  func session(_ host: SessionHost, received message: ControlMessage)
  /// A link was attached, died, or changed its health.
  func sessionLinksChanged(_ host: SessionHost)
  /// A stream could not be opened for lack of credit, and may be now.
  func sessionHasRoomForStreams(_ host: SessionHost)
  /// The session is over, every stream was told. Called once.
  func session(_ host: SessionHost, ended end: SessionEnd)
  /// The session is over, and the last link that carried its CLOSE is closed. Called last, and only
  /// if there was a link at the end.
  func sessionLinksClosed(_ host: SessionHost)
}

/// One session at work: its links below, its streams' sockets above, its timer beside it.
///
/// Decodes nothing and decides nothing of the protocol: it hands input to the core, carries out
/// the core's events, and wakes the link that has something to send. The way of the bytes is in
/// `SessionHost+Inbound.swift` and `SessionHost+Outbound.swift`. Confined to its event loop.
final class SessionHost {
  /// A link that carries the session.
  struct AttachedLink {
    let link: any Link
    let epoch: AttachmentEpoch
    var health = LinkHealth.healthy
    /// WELCOME, as long as it has not been pulled: it goes before the session's first record.
    var greeting: ByteBuffer?
    /// A newer link took over, or the session is over.
    var isClosing = false
  }

  /// The session's name on the wire.
  let id: RandomID
  let loop: any EventLoop
  let logger: Logger
  weak var owner: (any SessionOwner)?

  var session: Session
  var links: [LinkID: AttachedLink] = [:]
  var endpoints: [StreamID: StreamEndpoint] = [:]
  var control = ControlMessageDecoder()

  /// Endpoints that were written to in this batch, each flushed once at its end.
  var unflushed: [StreamEndpoint] = []
  var isSettling = false
  var isSettlingScheduled = false
  private(set) var isOver = false
  private let idleHeartbeat: Duration
  private var heartbeat: Duration?
  private lazy var timer = DeadlineTimer(loop: loop) { [weak self] in self?.deadlineReached() }

  /// - Parameters:
  ///   - id: The session's id, drawn by the server.
  ///   - configuration: What was agreed in HELLO and WELCOME.
  ///   - idleHeartbeat: The agreed time between PINGs while no stream is open.
  ///   - budget: The process's memory for all sessions.
  ///   - loop: Where everything happens.
  ///   - logger: With the metadata that names the session.
  init(
    id: RandomID,
    configuration: SessionConfiguration,
    idleHeartbeat: Duration,
    budget: MemoryBudget,
    loop: any EventLoop,
    logger: Logger
  ) {
    self.id = id
    self.loop = loop
    self.logger = logger
    self.idleHeartbeat = idleHeartbeat
    session = Session(configuration: configuration, budget: budget, at: loop.instant)
  }

  /// Streams that are joined to sockets.
  var streamCount: Int { endpoints.count }

  /// The highest epoch attached so far.
  var epoch: AttachmentEpoch { session.epoch }

  /// Whether a link is still there, be it one that is being closed.
  var hasLinks: Bool { !links.isEmpty }
}

// MARK: - Links

extension SessionHost {
  /// Whether new streams start without delay: a link is there and it is not suspect.
  var isUsable: Bool {
    guard !isOver, let id = session.sendingLink, let attached = links[id] else { return false }
    return attached.health == .healthy && !attached.isClosing
  }

  /// Whether any link is there.
  var isAttached: Bool { !isOver && session.sendingLink != nil }

  /// The link that carries what is sent now.
  var sendingLink: (any Link)? {
    session.sendingLink.flatMap { links[$0]?.link }
  }

  /// Makes `link` carry the session. The highest epoch sends; older links are closed.
  ///
  /// - Parameters:
  ///   - link: Secured; its user becomes this session.
  ///   - epoch: Authenticated.
  ///   - greeting: WELCOME on the accepting side, sent before anything else.
  func attach(_ link: any Link, epoch: AttachmentEpoch, greeting: ByteBuffer? = nil) {
    link.user = self
    link.established()
    links[link.id] = AttachedLink(link: link, epoch: epoch, greeting: greeting)
    session.attach(
      link.id,
      epoch: epoch,
      maximumRecordSize: link.maximumRecordSize,
      at: loop.instant
    )
    for older in links.values where older.epoch < epoch { supersede(older.link) }
    heartbeat = nil
    adjustHeartbeat()
    link.wake()
    settle()
    owner?.sessionLinksChanged(self)
  }

  /// A newer link took over. What the peer has under way on this one is still taken and reported.
  private func supersede(_ link: any Link) {
    links[link.id]?.isClosing = true
    link.retire()
  }

  func linkReady(_ link: any Link) {}

  func link(_ link: any Link, became health: LinkHealth) {
    guard links[link.id] != nil else { return }
    links[link.id]?.health = health
    owner?.sessionLinksChanged(self)
  }

  func link(_ link: any Link, roundTrip: Duration) {
    session.roundTrip(roundTrip, on: link.id)
  }

  func linkClosed(_ link: any Link, reason: LinkFailure) {
    guard let attached = links.removeValue(forKey: link.id) else { return }
    session.detach(link.id, at: loop.instant)
    // A CLOSE that came with the last records explains the loss.
    settle()
    if !isOver && !attached.isClosing {
      logger.notice(
        "link lost",
        metadata: ["link": "\(link.id)", "reason": "\(reason)", "address": "\(link.peerAddress)"]
      )
    }
    if !isOver {
      owner?.sessionLinksChanged(self)
    } else if links.isEmpty {
      owner?.sessionLinksClosed(self)
      owner = nil
    }
  }

  /// Asks every link for a sign of life at once.
  func probeLinks() {
    for attached in links.values { attached.link.probe() }
  }

  /// PINGs are frequent while streams are open and rare otherwise (`PROTOCOL.md`, Liveness).
  private func adjustHeartbeat() {
    let wanted =
      endpoints.isEmpty ? idleHeartbeat : min(idleHeartbeat, TunnelLimits.busyHeartbeat)
    guard wanted != heartbeat, let link = sendingLink else { return }
    heartbeat = wanted
    link.setHeartbeat(wanted)
  }
}

// MARK: - Time and end

extension SessionHost {
  private func deadlineReached() {
    session.deadlineReached(at: loop.instant)
    settle()
  }

  /// Carries out what the core decided: called at the end of every batch of input, from wherever
  /// it came.
  func settle() {
    guard !isSettling else { return }
    isSettling = true
    while true {
      while let event = session.nextEvent() { carryOut(event) }
      if unflushed.isEmpty { break }
      flushEndpoints()
    }
    isSettling = false
    if session.wantsToSend { sendingLink?.wake() }
    adjustHeartbeat()
    timer.follow(session.nextDeadline)
  }

  /// Ends the session at once; its streams are reset, the peer is told if a link is there.
  func close(_ code: CloseCode, reason: String) {
    session.close(code, reason: reason, at: loop.instant)
    settle()
  }

  /// Ends the session when its streams are over and acknowledged, at `deadline` at the latest.
  func closeWhenDrained(_ code: CloseCode, reason: String, deadline: Instant) {
    session.closeWhenDrained(code, reason: reason, deadline: deadline, at: loop.instant)
    settle()
  }

  /// The core said its last word.
  func ended(_ end: SessionEnd) {
    isOver = true
    for attached in links.values {
      links[attached.link.id]?.isClosing = true
      attached.link.close()
    }
    owner?.session(self, ended: end)
  }
}
