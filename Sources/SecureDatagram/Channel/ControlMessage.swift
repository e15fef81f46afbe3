internal import struct NIOCore.ByteBuffer

/// What the two ends of a channel say to each other inside DATA besides payloads: a type u8 and a
/// number u64. Several may follow one another, and a payload may follow them.
enum ControlMessage: Hashable {
  /// Nothing; whatever follows in the datagram is filling.
  case padding
  /// Send this number back from where you got it.
  case challenge(UInt64)
  /// The number of a challenge.
  case response(UInt64)
  /// Answer with PONG.
  case ping(UInt64)
  /// The number of the PING.
  case pong(UInt64)
  /// The channel ends; the number says why.
  case close(UInt64)
  /// Answer that a datagram of this size has arrived; the rest of it is filling.
  case probe(UInt64)
  /// The number of the probe.
  case probeAcknowledgement(UInt64)

  /// Types below are kinds of payload.
  static let lowestType: UInt8 = 0x40

  private var wire: (type: UInt8, number: UInt64?) {
    switch self {
    case .padding: (0x40, nil)
    case .challenge(let token): (0x41, token)
    case .response(let token): (0x42, token)
    case .ping(let number): (0x43, number)
    case .pong(let number): (0x44, number)
    case .close(let code): (0x45, code)
    case .probe(let number): (0x46, number)
    case .probeAcknowledgement(let number): (0x47, number)
    }
  }

  func write(into buffer: inout ByteBuffer) {
    let (type, number) = wire
    buffer.writeInteger(type)
    if let number { buffer.writeInteger(number) }
  }

  /// Reads a message whose type has been read already.
  ///
  /// - Returns: `nil` when the type is unknown, or the number cut short.
  init?(type: UInt8, from buffer: inout ByteBuffer) {
    if type == 0x40 {
      self = .padding
      return
    }
    guard (0x41...0x47).contains(type), let number: UInt64 = buffer.readInteger() else {
      return nil
    }
    switch type {
    case 0x41: self = .challenge(number)
    case 0x42: self = .response(number)
    case 0x43: self = .ping(number)
    case 0x44: self = .pong(number)
    case 0x45: self = .close(number)
    case 0x46: self = .probe(number)
    default: self = .probeAcknowledgement(number)
    }
  }

  /// Whether it says nothing about where the peer is (RFC 9000 §9.1): a server follows a client to
  /// a new address only for more than these.
  var isProbing: Bool {
    switch self {
    case .padding, .challenge, .response, .probe, .probeAcknowledgement: true
    case .ping, .pong, .close: false
    }
  }
}
