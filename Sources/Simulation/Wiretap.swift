internal import HawserPrimitives
internal import HawserSession
internal import struct NIOCore.ByteBuffer

/// Reads along on every link, and holds each party to the credit that it was given and to the
/// bytes that its application wrote, independently of what the sessions believe.
struct Wiretap {
  /// What one party said on all links so far.
  private struct Said {
    /// One past the highest byte of each stream, or its final size.
    var highest: [StreamID: UInt64] = [:]
    /// The sum of it over all streams but the control stream.
    var total: UInt64 = 0
    var finalSizes: [StreamID: UInt64] = [:]
    var opened: Set<StreamID> = []
    /// Credit given, whether or not the peer heard of it.
    var streamCredit: [StreamID: UInt64] = [:]
    var sessionCredit: UInt64
    var streamCount: UInt64
  }

  /// What one party was granted, as far as it has been told.
  private struct Heard {
    var streamCredit: [StreamID: UInt64] = [:]
    var sessionCredit: UInt64
    var streamCount: UInt64
  }

  private let limits: SessionLimits
  private var said: [Said]
  private var heard: [Heard]

  init(plan: SimulationPlan) {
    limits = plan.limits
    let full = plan.limits.initialGrants
    said = Party.allCases.map { _ in
      Said(sessionCredit: full.sessionBytes, streamCount: full.streams)
    }
    let grants = plan.grants
    heard = Party.allCases.map { _ in
      Heard(sessionCredit: grants.sessionBytes, streamCount: grants.streams)
    }
  }

  /// Bytes that `sender` has put on any link for the first time, the control stream's excepted.
  func bytesSent(by sender: Party) -> UInt64 { said[sender.rawValue].total }

  /// Whether `sender` knows all the credit that it must have after everything was read: what the
  /// peer has said of it, and all of the session's window but a quarter, which may be given later.
  func isCreditBack(for sender: Party) -> Bool {
    let full = limits.initialGrants
    let said = said[sender.rawValue]
    let given = self.said[sender.other.rawValue]
    let heard = heard[sender.rawValue]
    let hasBytes =
      given.sessionCredit == full.sessionBytes
      ? said.total < full.sessionBytes / 4
      : heard.sessionCredit == given.sessionCredit
        && heard.sessionCredit + full.sessionBytes / 4 >= said.total + full.sessionBytes
    let opened = UInt64(said.opened.count)
    return hasBytes && heard.streamCount == given.streamCount
      && heard.streamCount + full.streams / 4 >= opened + full.streams
  }

  /// Whether `sender` may send half of a stream's initial credit beyond `read`, which it must when
  /// the reader has read everything and the stream goes on.
  func hasCredit(for sender: Party, on stream: StreamID, beyond read: UInt64) -> Bool {
    streamLimit(for: sender, on: stream) >= read + Self.initialCredit(of: stream) / 2
  }

  private func streamLimit(for sender: Party, on stream: StreamID) -> UInt64 {
    max(Self.initialCredit(of: stream), heard[sender.rawValue].streamCredit[stream] ?? 0)
  }

  private static func initialCredit(of stream: StreamID) -> UInt64 {
    stream == .control ? ProtocolLimits.controlStreamCredit : ProtocolLimits.initialStreamCredit
  }

  /// A record leaves `sender`.
  mutating func departs(
    _ record: ByteBuffer,
    from sender: Party,
    ledgers: Ledgers
  ) throws(Discrepancy) {
    guard record.readableBytes > 0 else {
      throw Discrepancy("\(sender) sends an empty record")
    }
    for frame in try frames(of: record, from: sender) {
      try check(frame, from: sender, ledgers: ledgers)
    }
  }

  /// A record of `sender` was taken by the other party, which now knows its credit.
  mutating func taken(_ record: ByteBuffer, from sender: Party) throws(Discrepancy) {
    let hearer = sender.other.rawValue
    for frame in try frames(of: record, from: sender) {
      switch frame {
      case .streamCredit(let stream, let limit):
        let before = heard[hearer].streamCredit[stream] ?? 0
        heard[hearer].streamCredit[stream] = max(before, limit)
      case .sessionCredit(let limit):
        heard[hearer].sessionCredit = max(heard[hearer].sessionCredit, limit)
      case .streamCount(let limit):
        heard[hearer].streamCount = max(heard[hearer].streamCount, limit)
      case .open, .opened, .data, .stop, .reset, .close:
        break
      }
    }
  }

  private func frames(of record: ByteBuffer, from sender: Party) throws(Discrepancy) -> [Frame] {
    var rest = record
    var frames: [Frame] = []
    while rest.readableBytes > 0 {
      do {
        frames.append(try Frame(from: &rest))
      } catch {
        throw Discrepancy("\(sender) sends a record that is no frames: \(error)")
      }
    }
    return frames
  }

  private mutating func check(
    _ frame: Frame,
    from sender: Party,
    ledgers: Ledgers
  ) throws(Discrepancy) {
    switch frame {
    case .open(let stream, let request):
      guard ledgers.contains(stream), ledgers[stream].opener == sender,
        ledgers[stream].request == request
      else { throw Discrepancy("\(sender) says OPEN \(stream) that nobody asked for") }
      said[sender.rawValue].opened.insert(stream)
      let opened = UInt64(said[sender.rawValue].opened.count)
      guard opened <= heard[sender.rawValue].streamCount else {
        throw Discrepancy("\(sender) opens \(opened) streams, more than it was granted")
      }
    case .opened(let stream):
      guard ledgers[stream][of: sender].hasAccepted else {
        throw Discrepancy("\(sender) says OPENED \(stream), which was not accepted")
      }
    case .data(let stream, let offset, let bytes, let fin):
      try checkData(stream, at: offset, bytes, fin: fin, from: sender, ledgers: ledgers)
    case .streamCredit(let stream, let limit):
      try checkGrant(of: limit, on: stream, by: sender)
    case .sessionCredit(let limit):
      let before = said[sender.rawValue].sessionCredit
      let bound = said[sender.other.rawValue].total + limits.initialGrants.sessionBytes
      guard limit >= before, limit <= bound else {
        throw Discrepancy(
          "\(sender) grants the session \(limit), \(before) before, \(bound) at most"
        )
      }
      said[sender.rawValue].sessionCredit = limit
    case .streamCount(let limit):
      let opened = UInt64(said[sender.other.rawValue].opened.count)
      guard limit >= said[sender.rawValue].streamCount,
        limit <= opened + limits.concurrentStreams
      else { throw Discrepancy("\(sender) grants \(limit) streams while \(opened) were opened") }
      said[sender.rawValue].streamCount = limit
    case .reset(let stream, let code, let finalSize, _):
      try checkFinalSize(finalSize, of: stream, from: sender, as: "RESET(\(code))")
    case .stop(let stream, let code):
      guard ledgers.contains(stream) else {
        throw Discrepancy("\(sender) says STOP(\(code)) for stream \(stream) that does not exist")
      }
    case .close:
      break
    }
  }

  private mutating func checkData(
    _ stream: StreamID,
    at offset: UInt64,
    _ bytes: ByteBuffer,
    fin: Bool,
    from sender: Party,
    ledgers: Ledgers
  ) throws(Discrepancy) {
    guard ledgers.contains(stream) else {
      throw Discrepancy("\(sender) sends data of stream \(stream), which does not exist")
    }
    let direction = ledgers[stream][from: sender]
    let end = offset + UInt64(bytes.readableBytes)
    guard end <= direction.sent else {
      throw Discrepancy(
        "\(sender) sends stream \(stream) up to \(end), but \(direction.sent) were written"
      )
    }
    if let difference = ledgers.pattern.firstDifference(
      in: bytes,
      of: stream,
      from: sender,
      at: offset
    ) {
      throw Discrepancy(
        "\(sender) sends a wrong byte of stream \(stream) at \(offset + UInt64(difference))"
      )
    }
    try checkHighest(end, of: stream, from: sender)
    guard fin else { return }
    guard direction.isFinished, end == direction.sent else {
      throw Discrepancy("\(sender) says FIN of stream \(stream) at \(end) too early")
    }
    try checkFinalSize(end, of: stream, from: sender, as: "FIN")
  }

  private mutating func checkFinalSize(
    _ size: UInt64,
    of stream: StreamID,
    from sender: Party,
    as frame: String
  ) throws(Discrepancy) {
    let before = said[sender.rawValue].finalSizes[stream] ?? size
    let highest = said[sender.rawValue].highest[stream] ?? 0
    guard before == size, highest <= size else {
      throw Discrepancy(
        "\(sender) says \(frame) of stream \(stream) at \(size): \(highest) were sent, "
          + "the final size was \(before)"
      )
    }
    said[sender.rawValue].finalSizes[stream] = size
    try checkHighest(size, of: stream, from: sender)
  }

  private mutating func checkHighest(
    _ end: UInt64,
    of stream: StreamID,
    from sender: Party
  ) throws(Discrepancy) {
    let before = said[sender.rawValue].highest[stream] ?? 0
    guard end > before else { return }
    let limit = streamLimit(for: sender, on: stream)
    guard end <= limit else {
      throw Discrepancy("\(sender) sends stream \(stream) to \(end) with credit to \(limit)")
    }
    said[sender.rawValue].highest[stream] = end
    if stream == .control { return }
    said[sender.rawValue].total += end - before
    guard said[sender.rawValue].total <= heard[sender.rawValue].sessionCredit else {
      throw Discrepancy("\(sender) exceeds the session's credit with stream \(stream)")
    }
  }

  private mutating func checkGrant(
    of limit: UInt64,
    on stream: StreamID,
    by sender: Party
  ) throws(Discrepancy) {
    let before = said[sender.rawValue].streamCredit[stream] ?? 0
    let used = said[sender.other.rawValue].highest[stream] ?? 0
    guard limit >= before, limit <= used + limits.maximumStreamWindow else {
      throw Discrepancy(
        "\(sender) grants stream \(stream) up to \(limit), \(before) before, \(used) used"
      )
    }
    said[sender.rawValue].streamCredit[stream] = limit
  }
}
