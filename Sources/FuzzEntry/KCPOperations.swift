internal import HawserKCP
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// The segments of a datagram: what is accepted can be sent, and means the same again.
func segmentComplaint(about input: [UInt8]) -> String? {
  var datagram = ByteBuffer(bytes: input)
  let conversation = datagram.getInteger(at: 0, endianness: .little, as: UInt32.self) ?? 0
  while datagram.readableBytes > 0,
    let header = try? SegmentHeader(from: &datagram, of: conversation)
  {
    guard datagram.readableBytes >= Int(header.length) else { return "its payload is not there" }
    datagram.moveReaderIndex(forwardBy: Int(header.length))
    var written = ByteBuffer()
    header.write(into: &written)
    written.writeRepeatingByte(0, count: Int(header.length))
    guard (try? SegmentHeader(from: &written, of: conversation)) == header else {
      return "encoding and decoding again changed it"
    }
  }
  return nil
}

/// Two connections under operations that bytes choose: datagrams that are lost, repeated, late or
/// forged, users that send and take at any time.
///
/// The first byte says how both are set up, and whether datagrams are forged. If none are,
/// everything must arrive in the end, once, unchanged, and be reported after it was taken; if some
/// are, nothing may trap, and what is kept stays bounded.
struct KCPOperations: ~Copyable {
  private enum End { case left, right }

  private static let bufferLimit = 1 << 20
  private static let datagramLimit = 64

  private var left: KCPConnection
  private var right: KCPConnection
  private let service: KCPService
  private let isHostile: Bool
  private var rest: ArraySlice<UInt8>
  private var now = Instant.origin
  private var toRight: [ByteBuffer] = []
  private var toLeft: [ByteBuffer] = []
  private var sent = 0
  private var bytesSent = 0
  private var taken: Set<Int> = []
  private var bytesTaken = 0
  private var reported: Set<UInt64> = []

  /// Runs `input` to its end; see ``FuzzTarget/complaint(about:)``.
  static func complaint(about input: [UInt8]) -> String? {
    var operations = KCPOperations(input)
    return operations.run()
  }

  private init(_ input: [UInt8]) {
    let setUp = input.first ?? 0
    var configuration = KCPConfiguration(conversationID: 7)
    service = [.records, .messages, .stream, .records][Int(setUp & 3)]
    configuration.service = service
    configuration.acknowledgements = setUp & 4 == 0 ? .segments : .ranges
    configuration.timestamps = setUp & 8 == 0 ? .transmissionNumber : .milliseconds
    if configuration.acknowledgements == .ranges { configuration.timestamps = .transmissionNumber }
    configuration.firstSequenceNumber = setUp & 16 == 0 ? 0 : 0xffff_fff0
    configuration.firstTransmission = setUp & 16 == 0 ? 0 : 0xffff_fff0
    configuration.congestionControl = setUp & 32 == 0 ? .bulk : .classic
    configuration.duplicatesRetransmissions = setUp & 64 != 0
    configuration.receiveWindow = 16
    configuration.datagramSize = 256
    configuration.queueByteCount = 4096
    // Bytes may choose nothing but silence.
    configuration.deadAfter = .seconds(1_000_000)
    isHostile = setUp & 128 != 0
    left = KCPConnection(configuration: configuration, at: .origin)
    right = KCPConnection(configuration: configuration, at: .origin)
    rest = input.dropFirst()
  }

  private mutating func run() -> String? {
    while let operation = rest.popFirst(), let argument = rest.popFirst() {
      now = now + .milliseconds(Int(argument) / 16)
      switch operation % 12 {
      case 0, 1: offer(Int(argument) + 4)
      case 2, 3, 4: arrive(at: .right, argument)
      case 5, 6: arrive(at: .left, argument)
      case 7: lose(argument)
      case 8: passDeadline()
      case 9 where isHostile: forge(argument)
      case 10 where isHostile: change(argument)
      default: if let complaint = take() { return complaint }
      }
      transmit()
      if let complaint = check() { return complaint }
    }
    return isHostile ? nil : settle()
  }

  // MARK: - Operations

  /// A record or message that holds its number and is filled with it.
  private mutating func offer(_ count: Int) {
    var bytes = ByteBuffer(integer: UInt32(sent))
    bytes.writeRepeatingByte(UInt8(truncatingIfNeeded: sent), count: count - 4)
    if service == .records {
      let room = left.recordAllowance(at: now)
      guard room >= 4 else { return }
      bytes = bytes.readSlice(length: min(room, bytes.readableBytes)) ?? bytes
    }
    guard (try? left.send(bytes, record: RecordNumber(UInt64(sent)), at: now)) != nil else {
      return
    }
    sent += 1
    bytesSent += bytes.readableBytes
  }

  private mutating func transmit() {
    var datagram = ByteBuffer()
    while toRight.count < Self.datagramLimit, left.nextTransmission(into: &datagram, at: now) {
      toRight.append(datagram)
      datagram = ByteBuffer()
    }
    while toLeft.count < Self.datagramLimit, right.nextTransmission(into: &datagram, at: now) {
      toLeft.append(datagram)
      datagram = ByteBuffer()
    }
  }

  /// One of the datagrams under way arrives, and, if the argument is odd, stays under way, too.
  private mutating func arrive(at end: End, _ argument: UInt8) {
    switch end {
    case .right:
      guard !toRight.isEmpty else { return }
      let index = Int(argument / 2) % toRight.count
      try? right.receive(toRight[index], at: now)
      if argument % 2 == 0 { toRight.remove(at: index) }
    case .left:
      guard !toLeft.isEmpty else { return }
      let index = Int(argument / 2) % toLeft.count
      try? left.receive(toLeft[index], at: now)
      if argument % 2 == 0 { toLeft.remove(at: index) }
    }
  }

  private mutating func lose(_ argument: UInt8) {
    if argument % 2 == 0, !toRight.isEmpty { toRight.remove(at: Int(argument / 2) % toRight.count) }
    if argument % 2 == 1, !toLeft.isEmpty { toLeft.remove(at: Int(argument / 2) % toLeft.count) }
  }

  private mutating func passDeadline() {
    // What could not be sent for want of room here has no deadline.
    guard toRight.count < Self.datagramLimit, toLeft.count < Self.datagramLimit else { return }
    if let due = left.nextDeadline {
      now = max(now, due)
      left.deadlineReached(at: now)
    }
    if let due = right.nextDeadline, due <= now { right.deadlineReached(at: now) }
  }

  /// A datagram out of nothing, with the right conversation.
  private mutating func forge(_ argument: UInt8) {
    var datagram = ByteBuffer(integer: UInt32(7), endianness: .little)
    datagram.writeBytes(rest.prefix(Int(argument)))
    rest = rest.dropFirst(Int(argument))
    try? left.receive(datagram, at: now)
    try? right.receive(datagram, at: now)
  }

  /// A byte of a datagram under way changes.
  private mutating func change(_ argument: UInt8) {
    let place = Int(rest.popFirst() ?? 0)
    if !toRight.isEmpty, place < toRight[0].readableBytes {
      toRight[0].setInteger(argument, at: place)
    }
    if !toLeft.isEmpty, place < toLeft[0].readableBytes {
      toLeft[0].setInteger(argument, at: place)
    }
  }

  // MARK: - What must hold

  private mutating func take() -> String? {
    while let message = right.nextMessage(at: now) {
      bytesTaken += message.readableBytes
      guard service != .stream, !isHostile else { continue }
      guard let number: UInt32 = message.getInteger(at: message.readerIndex),
        Int(number) < sent,
        message.readableBytesView.dropFirst(4).allSatisfy({ $0 == UInt8(number & 0xff) })
      else { return "a message has changed" }
      if service == .messages, Int(number) != taken.count { return "messages are out of order" }
      guard taken.insert(Int(number)).inserted else { return "a message came twice" }
    }
    return nil
  }

  private mutating func check() -> String? {
    while right.nextEvent() != nil {}
    while let event = left.nextEvent() {
      guard case .delivered(let record) = event, !isHostile else { continue }
      guard reported.insert(record.rawValue).inserted else { return "reported twice" }
      guard taken.contains(Int(record.rawValue)) else { return "reported, but not taken" }
    }
    let kept = left.statistics.bytesBuffered + right.statistics.bytesBuffered
    return kept > Self.bufferLimit ? "too much is kept" : nil
  }

  /// The network behaves from now on: everything arrives within two minutes.
  private mutating func settle() -> String? {
    let end = now + .seconds(110)
    while now <= end {
      for datagram in toRight { try? right.receive(datagram, at: now) }
      toRight = []
      if let complaint = take() { return complaint }
      transmit()
      for datagram in toLeft { try? left.receive(datagram, at: now) }
      toLeft = []
      if let complaint = check() { return complaint }
      if left.isDrained { break }
      transmit()
      guard toRight.isEmpty, toLeft.isEmpty else {
        now = now + .milliseconds(1)
        continue
      }
      let due = [left.nextDeadline, right.nextDeadline].compactMap { $0 }.min()
      guard let due else { return "it waits for nothing" }
      now = max(now + .microseconds(10), due)
      left.deadlineReached(at: now)
      right.deadlineReached(at: now)
    }
    guard left.isDrained else { return "not everything arrives" }
    if service == .stream { return bytesTaken == bytesSent ? nil : "bytes are missing" }
    guard taken.count == sent else { return "a message is missing" }
    return service == .records && reported.count != sent ? "a report is missing" : nil
  }
}
