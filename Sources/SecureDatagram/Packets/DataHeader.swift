internal import struct NIOCore.ByteBuffer

/// The part of DATA that is not encrypted, but authenticated.
///
///     0x80 · destination id 8 · packet number 8 · ciphertext · tag 16
struct DataHeader {
  let destination: ConnectionID
  /// Counts the datagrams of one direction; never repeated.
  let packetNumber: UInt64

  static let byteCount = DatagramLimits.dataHeaderBytes
  /// The header, at least a kind, and the tag.
  private static let minimumBytes = byteCount + 1 + 16

  init(destination: ConnectionID, packetNumber: UInt64) {
    self.destination = destination
    self.packetNumber = packetNumber
  }

  init(decoding datagram: ByteBuffer) throws(DatagramError) {
    let start = datagram.readerIndex
    let count = datagram.readableBytes
    guard let first: UInt8 = datagram.getInteger(at: start) else { throw .empty }
    guard first & PacketType.data.rawValue != 0 else {
      throw PacketType(firstByte: first) == nil ? .unknownType(first) : .unexpectedType
    }
    guard first == PacketType.data.rawValue else { throw .reservedBits }
    guard count >= Self.minimumBytes, count <= DatagramLimits.maximumDatagramBytes,
      let destination: UInt64 = datagram.getInteger(at: start + 1),
      let packetNumber: UInt64 = datagram.getInteger(at: start + 9)
    else { throw .wrongLength(count) }
    self.destination = ConnectionID(destination)
    self.packetNumber = packetNumber
  }

  /// Appends the header.
  func write(into buffer: inout ByteBuffer) {
    buffer.writeInteger(PacketType.data.rawValue)
    buffer.writeInteger(destination.rawValue)
    buffer.writeInteger(packetNumber)
  }
}
