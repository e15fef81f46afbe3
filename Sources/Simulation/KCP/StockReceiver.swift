internal import HawserKCP
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// The receiving half of ikcp.c as far as a sender can tell: acknowledges every segment once, with
/// 24 bytes, at the next tick of its clock; repeats nothing.
struct StockReceiver {
  /// `interval` of ikcp.c's fast modes.
  private static let tick = Duration.milliseconds(10)
  private static let datagramSize = 1400

  private let conversationID: UInt32
  private let window: UInt16
  private var next = 0
  private var early: Set<Int> = []
  private var pending: [(segment: UInt32, timestamp: UInt32)] = []
  /// When it acknowledges what is pending.
  private(set) var deadline: Instant?
  private(set) var bytesReceived = 0

  init(conversationID: UInt32, window: UInt16) {
    self.conversationID = conversationID
    self.window = window
  }

  mutating func receive(_ datagram: ByteBuffer, at now: Instant) {
    var rest = datagram
    while rest.readableBytes > 0, let header = try? SegmentHeader(from: &rest, of: conversationID) {
      rest.moveReaderIndex(forwardBy: Int(header.length))
      guard header.command == .push else { continue }
      let number = unwrap(header.sequenceNumber, near: next)
      guard number < next + Int(window) else { continue }
      pending.append((header.sequenceNumber, header.timestamp))
      if number >= next, early.insert(number).inserted { bytesReceived += Int(header.length) }
      while early.remove(next) != nil { next += 1 }
    }
    if deadline == nil, !pending.isEmpty {
      let tick = Self.tick.wholeNanoseconds
      deadline = Instant(nanoseconds: (now.nanoseconds / tick + 1) * tick)
    }
  }

  /// Acknowledges; each element is a datagram.
  mutating func deadlineReached(at now: Instant) -> [ByteBuffer] {
    guard let due = deadline, due <= now else { return [] }
    deadline = nil
    var datagrams: [ByteBuffer] = []
    var datagram = ByteBuffer()
    for (segment, timestamp) in pending {
      if datagram.readableBytes + SegmentHeader.byteCount > Self.datagramSize {
        datagrams.append(datagram)
        datagram = ByteBuffer()
      }
      SegmentHeader(
        conversationID: conversationID,
        command: .acknowledge,
        window: window,
        timestamp: timestamp,
        sequenceNumber: segment,
        unacknowledged: UInt32(truncatingIfNeeded: next)
      ).write(into: &datagram)
    }
    pending.removeAll(keepingCapacity: true)
    return datagrams + [datagram]
  }
}
