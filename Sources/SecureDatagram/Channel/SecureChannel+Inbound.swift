package import HawserPrimitives
package import struct NIOCore.ByteBuffer

/// From the network to the layer above.
extension SecureChannel {
  /// Opens one datagram.
  ///
  /// - Parameters:
  ///   - datagram: Exactly one UDP payload; it is not changed.
  ///   - address: Where it came from.
  ///   - now: The current instant.
  ///   - payload: Cleared first. Holds the payload afterwards if the result says that there is
  ///     one; when the caller has no other reference to it, nothing is allocated.
  /// - Returns: What it was.
  package func receive(
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant,
    into payload: inout ByteBuffer
  ) -> ChannelArrival {
    do throws(DatagramRejection) {
      return try take(datagram, from: address, at: now, into: &payload)
    } catch {
      switch error {
      case .replayed: statistics.replayed += 1
      case .notAuthentic: statistics.notAuthentic += 1
      default: statistics.otherwiseDropped += 1
      }
      payload.clear()
      return .dropped(error)
    }
  }

  private func take(
    _ datagram: ByteBuffer,
    from address: PathAddress,
    at now: Instant,
    into payload: inout ByteBuffer
  ) throws(DatagramRejection) -> ChannelArrival {
    let header: DataHeader
    do throws(DatagramError) {
      header = try DataHeader(decoding: datagram)
    } catch {
      throw .malformed(error)
    }
    guard header.destination == localID else { throw .unknownConnection }
    if case .ended = state { throw .closed }
    payload.clear()
    let highest = receiving.highest
    try receiving.open(datagram, number: header.packetNumber, at: now, into: &payload)
    guard isOpen else {
      repeatClose(to: address)
      throw .closed
    }
    noteAuthentic(bytes: datagram.readableBytes, from: address, at: now)
    let content = Content(of: &payload)
    // A peer may be anywhere: only what it sent last says where it is now.
    let isNewest = highest.map { header.packetNumber > $0 } ?? true
    if role == .server, isNewest, !content.isProbing, address != path.address {
      follow(address, bytes: datagram.readableBytes, at: now)
    }
    var answers: [ControlMessage] = []
    for message in content.messages where isOpen {
      handle(message, from: address, at: now, answers: &answers)
    }
    // In one datagram, which is not larger than the one that it answers: whoever has others believe
    // that the client is elsewhere gains nothing by it.
    if !answers.isEmpty, isOpen { enqueue(Reply(messages: answers, address: address)) }
    if let kind = content.kind { return isOpen ? .payload(kind) : .control }
    guard !content.messages.isEmpty else { throw .unknownContent }
    return .control
  }

  private func noteAuthentic(bytes: Int, from address: PathAddress, at now: Instant) {
    statistics.datagramsOpened += 1
    statistics.bytesReceived += UInt64(bytes)
    lastHeard = now
    sending.heard()
    if address == path.address {
      path.noteReceived(bytes: bytes, at: now)
      // A path without a way back is asked again as long as somebody is heard from there.
      path.unparkChallenge(at: now)
    }
    if confirmation != nil {
      confirmation = nil
      events.append(.confirmed)
    }
  }

  private func repeatClose(to address: PathAddress) {
    guard case .closing(let code, let repetitions) = state, repetitions > 0 else { return }
    state = .closing(code: code, repetitions: repetitions - 1)
    enqueue(Reply(messages: [.close(code)], address: address))
  }

  private func handle(
    _ message: ControlMessage,
    from address: PathAddress,
    at now: Instant,
    answers: inout [ControlMessage]
  ) {
    switch message {
    case .padding: break
    case .challenge(let token):
      answers.append(.response(token))
      // Whether this path is in use, too, is what a server wants to know whose client seems to have
      // moved (RFC 9000 §9.3.3).
      if role == .client, address == path.address { answers.append(newPing(at: now).message) }
    case .response(let token): takeResponse(token, at: now)
    case .ping(let number): answers.append(.pong(number))
    case .pong(let number):
      guard let index = pings.firstIndex(where: { $0.number == number }) else { return }
      let ping = pings[index]
      pings.removeSubrange(...index)
      roundTrip = now - ping.sent
      if ping.isReported { events.append(.pong(number: number, roundTrip: roundTrip)) }
    case .close(let code): end(.closedByPeer(code: code))
    case .probe(let number): answers.append(.probeAcknowledgement(number))
    case .probeAcknowledgement(let number):
      path.size.acknowledged(number, at: now)
      announcePayload()
    }
  }
}

/// What one datagram says.
private struct Content {
  private(set) var messages: [ControlMessage] = []
  private(set) var kind: PayloadKind?

  /// Reads the messages, and leaves the payload.
  init(of plaintext: inout ByteBuffer) {
    while let type: UInt8 = plaintext.readInteger() {
      if let kind = PayloadKind(rawValue: type) {
        self.kind = kind
        return
      }
      guard messages.count < DatagramLimits.controlMessagesPerDatagram,
        let message = ControlMessage(type: type, from: &plaintext)
      else { return }
      messages.append(message)
      if message == .padding { return }
    }
  }

  /// Whether it says nothing about where the peer is.
  var isProbing: Bool { kind == nil && messages.allSatisfy(\.isProbing) }
}
