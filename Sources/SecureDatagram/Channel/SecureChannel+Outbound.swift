internal import HawserCryptography
package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// From the layer above, and from the channel itself, to the network.
extension SecureChannel {
  /// A datagram with one control message.
  static let controlDatagramBytes =
    DatagramLimits.dataHeaderBytes + DatagramLimits.controlMessageBytes
    + AEADAlgorithm.tagByteCount

  /// Makes one datagram of payload, in place and without another buffer.
  ///
  /// - Parameters:
  ///   - kind: Other than ``PayloadKind/segments`` only if the peers agreed upon it.
  ///   - buffer: Where the datagram is appended; what it holds already stays, so several datagrams
  ///     can be put into one buffer for segmentation offload.
  ///   - now: The current instant.
  ///   - body: Appends the payload, at most ``maximumPayload`` bytes, and says whether there is
  ///     one.
  /// - Returns: Where the datagram has to go. `nil`, with nothing appended, when there is no
  ///   payload, when it exceeds ``sendAllowance`` (it counts as lost then), or when the channel is
  ///   not open.
  package func seal(
    _ kind: PayloadKind,
    into buffer: inout ByteBuffer,
    at now: Instant,
    writing body: (inout ByteBuffer) -> Bool
  ) -> PathAddress? {
    guard isOpen, path.allowance > DatagramLimits.dataOverheadBytes else { return nil }
    let start = buffer.writerIndex
    DataHeader(destination: remoteID, packetNumber: 0).write(into: &buffer)
    buffer.writeInteger(kind.rawValue)
    guard body(&buffer) else {
      buffer.moveWriterIndex(to: start)
      return nil
    }
    let count = buffer.writerIndex - start + AEADAlgorithm.tagByteCount
    guard count <= path.allowance, count <= DatagramLimits.maximumDatagramBytes,
      finish(from: start, in: &buffer, at: now)
    else {
      buffer.moveWriterIndex(to: start)
      return nil
    }
    path.noteSent(bytes: count)
    path.size.sent(bytes: count, at: now)
    return path.address
  }

  /// Makes the next datagram that the channel itself has to send.
  ///
  /// - Parameters:
  ///   - buffer: Where it is appended.
  ///   - now: The current instant.
  /// - Returns: Where it has to go; `nil`, with nothing appended, when there is none.
  package func nextTransmission(into buffer: inout ByteBuffer, at now: Instant) -> PathAddress? {
    while !replies.isEmpty {
      if let address = send(replies.removeFirst(), into: &buffer, at: now) { return address }
    }
    guard isOpen, let reply = nextOwnMessage(at: now) else { return nil }
    return send(reply, into: &buffer, at: now)
  }

  /// Sends a ping, and gives its number; the answer comes as
  /// ``SecureChannelEvent/pong(number:roundTrip:)``.
  @discardableResult
  package func ping(at now: Instant) -> UInt64 {
    guard isOpen else { return 0 }
    let ping = newPing(at: now, isReported: true)
    enqueue(Reply(messages: [ping.message], address: path.address))
    return ping.number
  }

  /// Large datagrams seem to get lost while small ones arrive: looks whether the path still carries
  /// their size.
  package func suspectBlackHole(at now: Instant) {
    guard isOpen else { return }
    path.size.suspectBlackHole(at: now)
  }

  /// - Parameters:
  ///   - now: The current instant.
  ///   - isReported: Whether the layer above wants to know of the answer.
  /// - Returns: The message, and its number.
  func newPing(
    at now: Instant,
    isReported: Bool = false
  ) -> (message: ControlMessage, number: UInt64) {
    defer { nextPingNumber += 1 }
    // Only the newest few are waited for.
    if pings.count >= 8 { pings.removeFirst() }
    pings.append((nextPingNumber, now, isReported))
    return (.ping(nextPingNumber), nextPingNumber)
  }

  func enqueue(_ reply: Reply) {
    guard replies.count < DatagramLimits.queuedControlMessages else { return }
    replies.append(reply)
  }

  private func nextOwnMessage(at now: Instant) -> Reply? {
    if let reply = nextChallenge(at: now) { return reply }
    if confirmation?.repetition.take(at: now) == true {
      return Reply(messages: [newPing(at: now).message], address: path.address)
    }
    guard path.isValidated else { return nil }
    let before = path.size.bytes
    let step = path.size.nextStep(at: now, roundTrip: roundTrip, number: &nextProbeNumber)
    if path.size.bytes != before { announcePayload() }
    return switch step {
    case .probe(let number, let bytes):
      Reply(messages: [.probe(number)], address: path.address, paddedTo: bytes)
    case .ping: Reply(messages: [newPing(at: now).message], address: path.address)
    case nil: nil
    }
  }

  private func nextChallenge(at now: Instant) -> Reply? {
    if path.allowance >= Self.controlDatagramBytes,
      let token = path.nextChallenge(at: now)
    {
      guard role == .client else {
        return Reply(messages: [.challenge(token)], address: path.address)
      }
      // Filled up, so that a server that follows may at once answer with three times as much, and
      // with a ping, because a server does not follow for a challenge alone.
      return Reply(
        messages: [.challenge(token), newPing(at: now).message],
        address: path.address,
        paddedTo: DatagramLimits.baseDatagramBytes
      )
    }
    if let address = fallback?.address,
      let token = fallback?.nextChallenge(at: now)
    {
      return Reply(messages: [.challenge(token)], address: address)
    }
    if let address = probed?.address,
      let token = probed?.challenge.next(at: now)
    {
      return Reply(
        messages: [.challenge(token)],
        address: address,
        paddedTo: DatagramLimits.baseDatagramBytes
      )
    }
    return nil
  }

  private func send(
    _ reply: Reply,
    into buffer: inout ByteBuffer,
    at now: Instant
  ) -> PathAddress? {
    let start = buffer.writerIndex
    DataHeader(destination: remoteID, packetNumber: 0).write(into: &buffer)
    for message in reply.messages { message.write(into: &buffer) }
    let count = buffer.writerIndex - start + AEADAlgorithm.tagByteCount
    if reply.paddedTo > count {
      ControlMessage.padding.write(into: &buffer)
      buffer.writeRepeatingByte(0, count: reply.paddedTo - count - 1)
    }
    let total = buffer.writerIndex - start + AEADAlgorithm.tagByteCount
    let isCurrent = reply.address == path.address
    guard !isCurrent || total <= path.allowance, finish(from: start, in: &buffer, at: now) else {
      buffer.moveWriterIndex(to: start)
      return nil
    }
    if isCurrent { path.noteSent(bytes: total) }
    return reply.address
  }

  /// Numbers and seals the datagram that begins at `start`, tag not yet written.
  private func finish(from start: Int, in buffer: inout ByteBuffer, at now: Instant) -> Bool {
    guard let number = sending.takeNumber(at: now) else {
      end(.exhausted)
      return false
    }
    buffer.setInteger(number, at: start + DataHeader.byteCount - 8)
    buffer.writeInteger(UInt64(0))
    buffer.writeInteger(UInt64(0))
    let offset = start - buffer.readerIndex
    statistics.datagramsSealed += 1
    statistics.bytesSent += UInt64(buffer.readableBytes - offset)
    var bytes = buffer.mutableReadableBytesSpan
    sending.key.seal(
      &bytes,
      from: offset,
      headerByteCount: DataHeader.byteCount,
      nonce: .bigEndian(number)
    )
    return true
  }
}
