package import HawserPrimitives
package import struct NIOCore.ByteBuffer

extension KCPConnection {
  /// Writes the next datagram.
  ///
  /// - Parameters:
  ///   - datagram: Appended to: at most ``datagramSize`` bytes.
  ///   - now: The present.
  /// - Returns: Whether there was one; call again until there is none.
  package mutating func nextTransmission(into datagram: inout ByteBuffer, at now: Instant) -> Bool {
    guard !isDead else { return false }
    let start = datagram.writerIndex
    writeAcknowledgements(into: &datagram, at: now)
    writeWindowCommands(into: &datagram, from: start)
    var hasSent = false
    while let number = nextSegment(
      room: datagramSize - (datagram.writerIndex - start),
      opens: !hasSent,
      at: now
    ) {
      write(number, into: &datagram, opens: !hasSent, at: now)
      hasSent = true
    }
    if hasSent { scheduleProbe(at: now) }
    return datagram.writerIndex > start
  }

  /// Whether there is something to send now, records of the user aside.
  package func wantsToSend(at now: Instant) -> Bool {
    guard !isDead else { return false }
    if acknowledgements.isDue(at: now) || mustAskWindow || mustTellWindow || !probes.isEmpty {
      return true
    }
    guard pacer.allows(at: now) else { return false }
    if !lost.isEmpty || !duplicates.isEmpty { return hasCongestionWindow(for: segmentSize) }
    return queue.first.map { hasWindow(for: $0.payload.readableBytes) } ?? false
  }

  // MARK: - Control

  private mutating func writeAcknowledgements(into datagram: inout ByteBuffer, at now: Instant) {
    guard acknowledgements.isPending else { return }
    // Early, when a small segment leaves room for them.
    let rides =
      queue.first.map {
        $0.payload.readableBytes + SegmentHeader.byteCount + acknowledgements.sizeBound
          <= datagramSize
      } ?? false
    let isOnTheWay = rides && pacer.allows(at: now)
    guard acknowledgements.isDue(at: now) || isOnTheWay else { return }
    acknowledgements.write(
      into: &datagram,
      room: datagramSize,
      header: header(.acknowledge),
      received: incoming.next,
      repetition: acknowledgementDelay,
      at: now
    )
  }

  private mutating func writeWindowCommands(into datagram: inout ByteBuffer, from start: Int) {
    func hasRoom(_ datagram: ByteBuffer) -> Bool {
      datagram.writerIndex - start + SegmentHeader.byteCount <= datagramSize
    }
    if mustAskWindow, hasRoom(datagram) {
      header(.askWindow).write(into: &datagram)
      mustAskWindow = false
    }
    if mustTellWindow, hasRoom(datagram) {
      header(.tellWindow).write(into: &datagram)
      mustTellWindow = false
    }
  }

  // MARK: - Data

  /// The segment that leaves next, if one may and fits: probes, then what is lost, then second
  /// copies, then what is new.
  ///
  /// `opens`: it is the first segment of its datagram; copies do not share one.
  private mutating func nextSegment(room: Int, opens: Bool, at now: Instant) -> Int? {
    if let number = nextProbe(room: room) {
      counters.probes += 1
      duplicateLater(number)
      return number
    }
    guard pacer.allows(at: now) else { return nil }
    if let number = nextLost(room: room) {
      counters.retransmissions += 1
      duplicateLater(number)
      return number
    }
    guard lost.isEmpty else { return nil }
    if opens, let number = nextDuplicate() {
      counters.duplicates += 1
      return number
    }
    return nextNew(room: room)
  }

  private mutating func nextProbe(room: Int) -> Int? {
    while let number = probes.first {
      guard let segment = outgoing[number], !segment.isAcknowledged,
        !isOversized(segment, number)
      else {
        _ = probes.popFirst()
        continue
      }
      guard size(of: segment) <= room else { return nil }
      return probes.popFirst()
    }
    return nil
  }

  private mutating func nextLost(room: Int) -> Int? {
    while let number = lost.first {
      guard let segment = outgoing[number], segment.isWaiting, !isOversized(segment, number) else {
        _ = lost.popFirst()
        continue
      }
      let size = size(of: segment)
      guard size <= room, hasCongestionWindow(for: segment.payload.readableBytes) else {
        return nil
      }
      return lost.popFirst()
    }
    return nil
  }

  private mutating func nextDuplicate() -> Int? {
    while let number = duplicates.popFirst() {
      guard let segment = outgoing[number], !segment.isAcknowledged, !segment.isWaiting,
        !isOversized(segment, number)
      else { continue }
      return number
    }
    return nil
  }

  private mutating func nextNew(room: Int) -> Int? {
    guard let item = queue.first, hasWindow(for: item.payload.readableBytes),
      item.payload.readableBytes + SegmentHeader.byteCount <= room
    else { return nil }
    _ = queue.popFirst()
    counters.segmentsSent += 1
    noteWritable()
    return outgoing.append(item.payload, fragment: item.fragment, record: item.record)
  }

  private mutating func noteWritable() {
    guard owesWritable, queue.byteCount <= configuration.queueByteCount / 2 else { return }
    owesWritable = false
    events.append(.writable)
  }

  private func size(of segment: OutgoingSegment) -> Int {
    segment.payload.readableBytes + SegmentHeader.byteCount
  }

  /// Whether a segment fits no datagram any more; its user is asked for a shorter one.
  private mutating func isOversized(_ segment: OutgoingSegment, _ number: Int) -> Bool {
    guard segment.payload.readableBytes > segmentSize else { return false }
    if oversized[segment.record] == nil {
      oversized[segment.record] = number
      events.append(.oversized(segment.record))
    }
    return true
  }

  /// Sends a segment of small traffic twice when it is sent again, as far as the waste is allowed:
  /// a second loss of the same segment is what makes the slowest answers.
  private mutating func duplicateLater(_ number: Int) {
    guard configuration.duplicatesRetransmissions,
      log.countInFlight <= KCPLimits.smallFlight,
      Double(log.bytesSent) < configuration.wasteLimit * Double(log.bytesDelivered)
    else { return }
    duplicates.append(number)
  }

  private mutating func write(
    _ number: Int,
    into datagram: inout ByteBuffer,
    opens: Bool,
    at now: Instant
  ) {
    guard let segment = outgoing[number] else { return }
    let overhead = opens ? configuration.datagramOverhead : 0
    let wireSize = size(of: segment) + overhead
    let wasIdle = log.countInFlight == 0
    let transmission = log.append(
      segment: number,
      previous: segment.latest,
      size: wireSize,
      epoch: controller.epoch,
      at: now
    )
    var header = header(.push)
    header.fragment = segment.fragment
    header.sequenceNumber = UInt32(truncatingIfNeeded: number)
    header.length = UInt32(truncatingIfNeeded: segment.payload.readableBytes)
    switch configuration.timestamps {
    case .transmissionNumber: header.timestamp = UInt32(truncatingIfNeeded: transmission)
    case .milliseconds: header.timestamp = Self.milliseconds(now)
    }
    header.write(into: &datagram)
    datagram.writeImmutableBuffer(segment.payload)
    outgoing.noteTransmission(transmission, of: number)
    controller.send(bytes: wireSize, inFlight: log.bytesInFlight, at: now)
    pacer.spend(wireSize, rate: controller.pacingRate, wasIdle: wasIdle, at: now)
    lastSentAt = now
    counters.transmissions += 1
    counters.bytesSent += wireSize
  }

  // MARK: - Windows

  /// Whether the congestion control lets a segment with that payload leave.
  func hasCongestionWindow(for payload: Int) -> Bool {
    let size = payload + SegmentHeader.byteCount + configuration.datagramOverhead
    return !log.isFull
      && (log.bytesInFlight == 0 || log.bytesInFlight + size <= controller.window)
  }

  /// Whether a new segment with that payload may leave: the peer's window, ours, the path's.
  func hasWindow(for payload: Int) -> Bool {
    outgoing.span < configuration.sendWindow && outgoing.next < peerWindow.limit
      && hasCongestionWindow(for: payload)
  }
}
