import HawserKCP
import HawserPrimitives
import HawserSecureDatagram
import NIOCore

/// The way in: a datagram → SecureChannel → KCP → records for the user.
extension KCPLink {
  /// Takes a datagram that is for this link.
  func receive(_ datagram: ByteBuffer, from address: PathAddress) {
    guard let conversation, hears else { return }
    let arrival = conversation.channel.receive(
      datagram,
      from: address,
      at: loop.instant,
      into: &payload
    )
    take(arrival, payload, bytes: datagram.readableBytes)
  }

  /// Takes what a datagram of this link was found to be.
  ///
  /// - Parameters:
  ///   - arrival: What the channel said of it.
  ///   - payload: What it held, if the arrival says so.
  ///   - bytes: The datagram's size.
  func take(_ arrival: ChannelArrival, _ payload: ByteBuffer, bytes: Int) {
    guard let conversation, hears else { return }
    let now = loop.instant
    switch arrival {
    case .dropped: return
    case .control: break
    case .payload(.segments):
      do {
        try conversation.connection.receive(payload, at: now)
      } catch {
        // The rest of the datagram is ignored; it is authentic, so the peer has a defect.
        return end(.datagramViolation("\(error)"))
      }
    case .payload: break
    }
    bytesIn += UInt64(bytes)
    monitor.heard(at: now)
    while hears, let record = conversation.connection.nextMessage(at: now) {
      hasHandedUp = true
      user?.link(self, received: record)
    }
    drainConnection(conversation, at: now)
    drainChannel(conversation, at: now)
  }

  /// The end of a batch of datagrams.
  func completeRead() {
    guard hears else { return }
    drainMonitor()
    if hasHandedUp {
      hasHandedUp = false
      if hears { user?.linkReadComplete(self) }
    }
    pump()
  }

  /// Passes on what KCP found out.
  func drainConnection(_ conversation: KCPConversation, at now: Instant) {
    var hasDelivered = false
    while let event = conversation.connection.nextEvent() {
      switch event {
      case .delivered(let record):
        hasDelivered = true
        hasHandedUp = true
        unreported -= 1
        if hears { user?.link(self, delivered: record) }
      case .writable: break
      case .oversized:
        // The path has become narrower than what is under way: a new link begins anew.
        end(.pathNarrowed)
      case .dead: end(.pathDead(silence: TransportLimits.datagramDeadTime * 2))
      }
    }
    guard hasDelivered else { return }
    monitor.reported(
      oldest: unreported == 0 ? nil : now,
      sample: conversation.connection.smoothedRoundTrip,
      at: now
    )
  }

  /// Carries out what the channel found out.
  func drainChannel(_ conversation: KCPConversation, at now: Instant) {
    while let event = conversation.channel.nextEvent() {
      switch event {
      case .confirmed, .pathProved, .pathFailed, .unlimited: break
      case .pathChanged(let change): peerAddress = change.address.description
      case .maximumPayloadChanged(let bytes):
        conversation.connection.setDatagramSize(bytes)
        user?.link(self, takesRecordsOf: conversation.connection.segmentSize)
      case .pong(_, let roundTrip):
        pingDeadline = nil
        monitor.pongReceived(roundTrip: roundTrip, at: now)
      case .ended(.closedByPeer): end(.closedByPeer)
      case .ended(.closedHere): break
      case .ended(.unanswered): end(.unreachable("the server forgot the handshake"))
      case .ended(.exhausted): end(.datagramViolation("every packet number has been used"))
      }
    }
  }
}
