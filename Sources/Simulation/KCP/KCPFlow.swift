package import HawserKCP
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// What a flow sends.
package enum Traffic: Sendable {
  /// As much as it may.
  case bulk
  /// A small record now and then, which the other end sends back.
  case echo(every: Duration, byteCount: Int)
}

/// How one KCP flow of a simulation is set up.
package struct FlowPlan: Sendable {
  package var control = CongestionControl.bulk
  package var acknowledgements = AcknowledgementFormat.ranges
  /// The receiver is ikcp.c's.
  package var hasStockReceiver = false
  package var traffic = Traffic.bulk
  package var duplicatesRetransmissions = false
  /// When it begins.
  package var start = Duration.zero

  package init() {}
}

/// One KCP conversation: a sender at one end of the path, a receiver at the other.
final class KCPFlow {
  /// Bytes that IPv4, UDP and the sealing of a datagram add to it.
  static let overhead = 61

  let plan: FlowPlan
  var sender: KCPConnection
  var receiver: KCPConnection
  var stock: StockReceiver?
  private(set) var bytesReceived = 0
  private(set) var firstArrivals: [Instant] = []
  /// Round trips of echoed records.
  private(set) var echoes = Distribution()
  private(set) var echoesSent = 0
  /// Bytes that left both ends.
  var bytesOnWire = 0
  /// What is to be sent, for traffic that is not bulk.
  private var outbox: [ByteBuffer] = []
  private var returning: [ByteBuffer] = []
  private let filling: ByteBuffer
  private var records: UInt64 = 0
  /// Where the timers are set to.
  var senderTimer: Instant?
  var receiverTimer: Instant?

  init(_ plan: FlowPlan, number: Int, seed: UInt64) {
    self.plan = plan
    var configuration = KCPConfiguration(conversationID: UInt32(truncatingIfNeeded: number + 1))
    configuration.congestionControl = plan.control
    configuration.acknowledgements = plan.hasStockReceiver ? .segments : plan.acknowledgements
    configuration.datagramOverhead = Self.overhead
    configuration.peerWindow = KCPLimits.window
    configuration.duplicatesRetransmissions = plan.duplicatesRetransmissions
    configuration.deadAfter = .seconds(600)
    configuration.seed = seed
    sender = KCPConnection(configuration: configuration, at: .origin)
    receiver = KCPConnection(configuration: configuration, at: .origin)
    if plan.hasStockReceiver {
      let window = UInt16(clamping: KCPLimits.window)
      stock = StockReceiver(conversationID: configuration.conversationID, window: window)
    }
    filling = ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: 1 << 16)
  }

  /// Bytes of payload per byte on the wire, of a full datagram.
  var efficiency: Double {
    Double(sender.segmentSize) / Double(sender.datagramSize + Self.overhead)
  }

  /// The next datagram of the sender.
  func nextFromSender(at now: Instant) -> ByteBuffer? {
    var datagram = ByteBuffer()
    datagram.reserveCapacity(sender.datagramSize)
    while true {
      if sender.nextTransmission(into: &datagram, at: now) { return datagram }
      let room = sender.recordAllowance(at: now)
      guard room > 0, let record = nextRecord(room) else { break }
      do throws(KCPSendError) {
        try sender.send(record, record: RecordNumber(records), at: now)
        records += 1
      } catch {
        break
      }
    }
    while sender.nextEvent() != nil {}
    return nil
  }

  private func nextRecord(_ room: Int) -> ByteBuffer? {
    switch plan.traffic {
    case .bulk: filling.getSlice(at: 0, length: min(room, filling.readableBytes))
    case .echo: outbox.isEmpty ? nil : outbox.removeFirst()
    }
  }

  /// The next datagram of the receiver.
  func nextFromReceiver(at now: Instant) -> ByteBuffer? {
    var datagram = ByteBuffer()
    while true {
      if receiver.nextTransmission(into: &datagram, at: now) { return datagram }
      guard let record = returning.first, receiver.recordAllowance(at: now) > 0 else { break }
      returning.removeFirst()
      do throws(KCPSendError) {
        try receiver.send(record, at: now)
      } catch {
        break
      }
    }
    while receiver.nextEvent() != nil {}
    return nil
  }

  /// A datagram has arrived at the receiver.
  func receive(_ datagram: ByteBuffer, at now: Instant) {
    if stock != nil {
      stock?.receive(datagram, at: now)
      bytesReceived = stock?.bytesReceived ?? 0
      return
    }
    try? receiver.receive(datagram, at: now)
    while let message = receiver.nextMessage(at: now) {
      bytesReceived += message.readableBytes
      if case .echo = plan.traffic { returning.append(message) }
    }
  }

  /// A datagram has arrived at the sender.
  func receiveAnswer(_ datagram: ByteBuffer, at now: Instant) {
    try? sender.receive(datagram, at: now)
    while let message = sender.nextMessage(at: now) {
      guard let sentAt: Int64 = message.getInteger(at: message.readerIndex) else { continue }
      echoes.insert(now - Instant(nanoseconds: sentAt))
    }
  }

  /// Puts a small record in line, with the time in it.
  func offerEcho(byteCount: Int, at now: Instant) {
    var record = ByteBuffer(integer: now.nanoseconds)
    record.writeRepeatingByte(0, count: max(0, byteCount - 8))
    outbox.append(record)
    echoesSent += 1
  }
}
