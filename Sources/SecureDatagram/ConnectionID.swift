package import struct NIOCore.ByteBuffer

/// Names a connection to the one who chose the id: whoever sends to it puts it in front.
///
/// Random, so that nobody can guess one who has not seen it, but for the eight bits in which a
/// server says which of its event loops the connection belongs to.
package struct ConnectionID: Sendable, Hashable, CustomStringConvertible {
  /// The length on the wire, in bytes.
  package static let byteCount = 8

  package let rawValue: UInt64

  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Draws an id that names the event loop `loop`.
  package init(using generator: inout some RandomNumberGenerator, loop: UInt8 = 0) {
    rawValue = UInt64(loop) << 56 | generator.next() >> 8
  }

  /// The number of the event loop that a server put into an id of its own.
  package var loop: UInt8 { UInt8(rawValue >> 56) }

  /// Whom a datagram is for, `nil` for one that names nobody: an INIT, or something that is too
  /// short. Nothing has been checked then.
  package static func destination(of datagram: ByteBuffer) -> ConnectionID? {
    let start = datagram.readerIndex
    guard let first: UInt8 = datagram.getInteger(at: start) else { return nil }
    let offset: Int
    switch PacketType(firstByte: first) {
    case .data: offset = 1
    case .response, .retry: offset = 4
    case .initial, nil: return nil
    }
    return datagram.getInteger(at: start + offset).map(ConnectionID.init)
  }

  /// Hexadecimal, 16 digits.
  package var description: String {
    let digits = String(rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension ByteBuffer {
  mutating func readConnectionID() -> ConnectionID? {
    readInteger().map(ConnectionID.init)
  }

  mutating func writeConnectionID(_ id: ConnectionID) {
    writeInteger(id.rawValue)
  }
}
