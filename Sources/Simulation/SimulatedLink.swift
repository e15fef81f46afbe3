internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// One link between the two parties: reliable while it lives, in order or not, and mortal.
///
///     waiting ──attach──▶ attached ──detach──▶ gone        for each party by itself
///
/// A cut link still delivers what chance lets through until the parties have noticed.
struct SimulatedLink {
  /// Where one party stands with the link.
  enum Attachment {
    /// The party's part of the handshake is still under way; what arrives is held.
    case waiting
    case attached
    case gone
  }

  /// A record on its way.
  struct Flight {
    var record: ByteBuffer
    let departed: Instant
    var hasArrived = false
    var isReported = false
    /// Whether the link gave it up because it became larger than the path allows.
    var isAbandoned = false
    /// Whether it does not arrive, unless it has.
    var isLost = false
  }

  /// One party's end of the link.
  struct End {
    var attachment = Attachment.waiting
    var maximumRecordSize: Int
    /// What the party sent; the first record of a session has number 1, after the handshake's.
    var flights: [Flight] = []
    /// Records that departed here and were not reported.
    var unreported = 0
    /// When the link takes the next record.
    var nextDeparture = Instant.origin
    var lastArrival = Instant.origin
    var lastReport = Instant.origin
    /// Records of the peer that arrived while the party was waiting.
    var held: [RecordNumber] = []
    /// Once the link is cut: records and reports of 1000 that still get through from here.
    var survivors = 1000
    var survivingReports = 1000
  }

  let id: LinkID
  let epoch: AttachmentEpoch
  let keepsOrder: Bool
  private(set) var isCut = false
  private var ends: [End]

  init(id: LinkID, epoch: AttachmentEpoch, keepsOrder: Bool, maximumRecordSize: Int) {
    self.id = id
    self.epoch = epoch
    self.keepsOrder = keepsOrder
    ends = Party.allCases.map { _ in End(maximumRecordSize: maximumRecordSize) }
  }

  subscript(party: Party) -> End {
    get { ends[party.rawValue] }
    _modify { yield &ends[party.rawValue] }
  }

  /// A record that `sender` sent.
  subscript(sender: Party, number: RecordNumber) -> Flight {
    get { self[sender].flights[Int(number.rawValue) - 1] }
    _modify { yield &self[sender].flights[Int(number.rawValue) - 1] }
  }

  /// Whether the party takes it for alive.
  func isUsable(by party: Party) -> Bool { self[party].attachment == .attached }

  /// Whether there is anything left to cut.
  var isAlive: Bool { !isCut && ends.contains { $0.attachment != .gone } }

  /// Whether the party's next record may depart.
  func hasRoom(for party: Party, window: Int) -> Bool {
    isUsable(by: party) && self[party].unreported < window
  }

  /// Takes a record of `party`; the times of its arrivals are returned, none on a cut link.
  mutating func depart(
    _ record: ByteBuffer,
    from party: Party,
    at now: Instant,
    plan: SimulationPlan,
    using generator: inout SeededGenerator
  ) -> [Instant] {
    self[party].unreported += 1
    self[party].nextDeparture = now + plan.pace
    self[party].flights.append(Flight(record: record, departed: now))
    if isCut { return [] }
    var arrivals = [now + generator.duration(in: plan.delay)]
    if generator.chance(plan.duplicates) {
      arrivals.append(now + generator.duration(in: plan.delay) * 2)
    }
    guard keepsOrder else {
      // A straggler lets everything else go by, its answers included.
      if generator.chance(30) { arrivals[0] = now + generator.duration(in: plan.delay) * 8 }
      return arrivals
    }
    return arrivals.map { arrival in
      let inOrder = max(arrival, self[party].lastArrival)
      self[party].lastArrival = inOrder
      return inOrder
    }
  }

  /// When the report on a record of `party` arrives there.
  mutating func reportTime(
    to party: Party,
    at now: Instant,
    plan: SimulationPlan,
    using generator: inout SeededGenerator
  ) -> Instant {
    let report =
      now + generator.duration(in: plan.reportDelay) + generator.duration(in: plan.delay)
    guard keepsOrder else { return report }
    let inOrder = max(report, self[party].lastReport)
    self[party].lastReport = inOrder
    return inOrder
  }

  /// Kills the link: none, some or all of what is under way gets through, each way by itself.
  mutating func cut(using generator: inout SeededGenerator) {
    guard !isCut else { return }
    isCut = true
    for party in Party.allCases {
      self[party].survivors = [0, 500, 1000][generator.below(3)]
      self[party].survivingReports = [0, 500, 1000][generator.below(3)]
    }
  }

  /// Whether a record that `sender` sent gets through now; in order, nothing follows a lost one.
  mutating func delivers(from sender: Party, using generator: inout SeededGenerator) -> Bool {
    guard isCut else { return true }
    let survives = generator.chance(self[sender].survivors)
    if !survives, keepsOrder { self[sender].survivors = 0 }
    return survives
  }

  /// Whether a report to `party` gets through now; in order, nothing follows a lost one.
  mutating func reports(to party: Party, using generator: inout SeededGenerator) -> Bool {
    guard isCut else { return true }
    let survives = generator.chance(self[party].survivingReports)
    if !survives, keepsOrder { self[party].survivingReports = 0 }
    return survives
  }

  /// Changes the record size at one end. A link without order then gives up some of the records
  /// that have become too large; they may arrive all the same.
  ///
  /// - Returns: The records given up.
  mutating func resize(
    to size: Int,
    at party: Party,
    using generator: inout SeededGenerator
  ) -> [RecordNumber] {
    self[party].maximumRecordSize = size
    guard !keepsOrder else { return [] }
    var abandoned: [RecordNumber] = []
    for index in self[party].flights.indices {
      let flight = self[party].flights[index]
      if !flight.isReported, !flight.isAbandoned, flight.record.readableBytes > size,
        generator.chance(700)
      {
        self[party].flights[index].isAbandoned = true
        self[party].unreported -= 1
        self[party].flights[index].isLost = generator.chance(700)
        abandoned.append(RecordNumber(UInt64(index + 1)))
      }
    }
    return abandoned
  }
}
