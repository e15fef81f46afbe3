/// What a payload is; the first byte inside DATA.
package struct PayloadKind: Sendable, Hashable, RawRepresentable {
  /// Below 0x40.
  package let rawValue: UInt8

  /// - Parameter rawValue: `nil` is returned for 0x40 and above, which are control messages.
  package init?(rawValue: UInt8) {
    guard rawValue < ControlMessage.lowestType else { return nil }
    self.rawValue = rawValue
  }

  private init(_ rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// KCP segments, as they are.
  package static let segments = PayloadKind(0)
  /// KCP's messages between peers that have agreed upon ``DatagramExtension/typedPayloads``.
  package static let extended = PayloadKind(1)
  /// Kept for repair symbols of forward error correction.
  package static let repair = PayloadKind(2)
  /// Kept for datagrams that may get lost.
  package static let unreliable = PayloadKind(3)
}

/// How the way to the peer has changed.
package struct PathChange: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// The port only: the network beneath is the same, and what was learnt about it holds.
    case port
    /// Another network: round trip, congestion state and datagram size are to be learnt anew.
    case address
  }

  package let kind: Kind
  package let address: PathAddress
}

/// Why a channel is over.
package enum ChannelEnd: Sendable, Hashable {
  /// The peer said CLOSE, with this code.
  case closedByPeer(code: UInt64)
  /// ``SecureChannel/close(code:at:)`` was called.
  case closedHere(code: UInt64)
  /// A client has the channel, but the server was never heard on it and has forgotten the
  /// handshake: to be tried again from the start.
  case unanswered
  /// Every packet number has been used.
  case exhausted
}

/// What a channel tells the layer above.
package enum SecureChannelEvent: Sendable, Hashable {
  /// A client's first authentic datagram from the server: the server has the channel, too.
  case confirmed
  /// The peer has proved to be elsewhere.
  case pathChanged(PathChange)
  /// An address that ``SecureChannel/probe(_:at:)`` asked about leads to the peer.
  case pathProved(PathAddress)
  /// Nobody answered at an address; a server that had followed there sends where it did before.
  case pathFailed(PathAddress)
  /// ``SecureChannel/maximumPayload`` is another, in bytes.
  case maximumPayloadChanged(Int)
  /// ``SecureChannel/sendAllowance`` is without limit again.
  case unlimited
  /// The answer to a ping, and the time that it took.
  case pong(number: UInt64, roundTrip: Duration)
  /// The last event.
  case ended(ChannelEnd)
}

/// What became of a received datagram.
package enum ChannelArrival: Sendable, Hashable {
  /// It held a payload.
  case payload(PayloadKind)
  /// It was for the channel alone.
  case control
  /// It was dropped, silently.
  case dropped(DatagramRejection)
}

/// Counts of one channel.
package struct SecureChannelStatistics: Sendable, Hashable {
  package var datagramsOpened: UInt64 = 0
  package var datagramsSealed: UInt64 = 0
  package var bytesReceived: UInt64 = 0
  package var bytesSent: UInt64 = 0
  package var replayed: UInt64 = 0
  package var notAuthentic: UInt64 = 0
  package var otherwiseDropped: UInt64 = 0
  package var pathChanges: UInt64 = 0
}
