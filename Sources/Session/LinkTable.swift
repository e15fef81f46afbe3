import DequeModule
import HawserPrimitives

/// What one record said, so that it can be said again.
enum SentFact: Hashable {
  case stream(StreamID, Stream.Facts)
  /// CREDIT of a stream up to this limit.
  case streamCredit(StreamID, limit: UInt64)
  case data(StreamID, SendHalf.Piece)
  case sessionCredit(limit: UInt64)
  case streamCount(limit: UInt64)
  case close
}

/// The session's links, which of them sends, and what each has in flight.
struct LinkTable {
  private struct Link {
    let id: LinkID
    let epoch: AttachmentEpoch
    var maximumRecordSize: Int
    /// Number of the first record in ``records``.
    var first: UInt64 = LinkTable.firstRecord
    /// What is in flight; `nil` where delivery was reported out of order.
    var records: Deque<[SentFact]?> = []
  }

  /// Record 0 of every link is the handshake's.
  private static let firstRecord: UInt64 = 1

  private var links: [Link] = []

  /// The link of the highest epoch, on which alone is sent.
  private(set) var sending: LinkID?
  /// The highest epoch that was attached; `nil` before the first link.
  private(set) var epoch: AttachmentEpoch?

  /// The largest record of the sending link, in bytes.
  var maximumRecordSize: Int? {
    sending.flatMap(index(of:)).map { links[$0].maximumRecordSize }
  }

  /// Records of the sending link without a delivery report.
  var unreportedRecords: Int {
    sending.flatMap(index(of:)).map { links[$0].records.count } ?? 0
  }

  /// Makes `id` the sending link.
  ///
  /// - Returns: What older links have in flight: it moves to the new one at once. Their reports
  ///   still count. `nil` when the epoch is not higher than all before.
  mutating func attach(
    _ id: LinkID,
    epoch: AttachmentEpoch,
    maximumRecordSize: Int
  ) -> [SentFact]? {
    if let highest = self.epoch, epoch <= highest { return nil }
    let moved = sending.flatMap(index(of:)).map { inFlight(at: $0) } ?? []
    links.append(Link(id: id, epoch: epoch, maximumRecordSize: maximumRecordSize))
    self.epoch = epoch
    sending = id
    return moved
  }

  /// Forgets a link that died.
  ///
  /// - Returns: What it had in flight and no other link took over; `nil` when it is not known.
  mutating func detach(_ id: LinkID) -> [SentFact]? {
    guard let index = index(of: id) else { return nil }
    var lost: [SentFact] = []
    if sending == id {
      lost = inFlight(at: index)
      sending = nil
    }
    links.remove(at: index)
    return lost
  }

  mutating func setMaximumRecordSize(_ bytes: Int, on id: LinkID) {
    guard let index = index(of: id) else { return }
    links[index].maximumRecordSize = bytes
  }

  /// Notes a record that goes out on the sending link.
  mutating func sent(_ facts: [SentFact]) -> RecordNumber? {
    guard let index = sending.flatMap(index(of:)) else { return nil }
    let number = links[index].first + UInt64(links[index].records.count)
    links[index].records.append(facts)
    return RecordNumber(number)
  }

  /// Takes a record out of flight: it was delivered, or its link gave it up.
  ///
  /// - Returns: What it said; `nil` when it is unknown or was taken before.
  mutating func take(_ record: RecordNumber, on id: LinkID) -> [SentFact]? {
    guard let index = index(of: id), record.rawValue >= links[index].first else { return nil }
    let offset = record.rawValue - links[index].first
    guard offset < UInt64(links[index].records.count) else { return nil }
    let place = links[index].records.startIndex + Int(offset)
    guard let facts = links[index].records[place] else { return nil }
    links[index].records[place] = nil
    while let front = links[index].records.first, front == nil {
      links[index].records.removeFirst()
      links[index].first += 1
    }
    return facts
  }

  private func inFlight(at index: Int) -> [SentFact] {
    links[index].records.flatMap { $0 ?? [] }
  }

  private func index(of id: LinkID) -> Int? {
    links.firstIndex { $0.id == id }
  }
}
