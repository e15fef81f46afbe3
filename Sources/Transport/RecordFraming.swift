package import struct NIOCore.ByteBuffer

import HawserPrimitives

/// The kinds of messages inside TLS (`PROTOCOL.md`, Links, `tcp`): `kind u8 · length varint ·
/// payload`.
enum LinkMessageKind: UInt8 {
  case record = 0
  case report = 1
  case ping = 2
  case pong = 3
}

/// A message from the peer.
package enum LinkMessage: Sendable, Hashable {
  /// A record for the session; a slice of the decoder's buffer.
  case record(ByteBuffer)
  /// How many records of this side the peer has taken so far.
  case report(UInt64)
  /// To be answered by a PONG of the same number.
  case ping(UInt64)
  /// The answer to this side's PING of that number.
  case pong(UInt64)
}

/// Writes messages.
package enum RecordEncoder {
  /// Appends a record.
  ///
  /// - Parameters:
  ///   - record: At most ``TransportLimits/recordBytes``; all of it becomes the payload.
  ///   - buffer: Takes the message.
  package static func write(record: ByteBuffer, to buffer: inout ByteBuffer) {
    assert(record.readableBytes <= TransportLimits.recordBytes)
    writeHeader(.record, length: record.readableBytes, to: &buffer)
    buffer.writeImmutableBuffer(record)
  }

  /// Appends an ACK: the peer's records taken so far.
  package static func write(report count: UInt64, to buffer: inout ByteBuffer) {
    write(.report, number: count, to: &buffer)
  }

  /// Appends a PING.
  package static func write(ping number: UInt64, to buffer: inout ByteBuffer) {
    write(.ping, number: number, to: &buffer)
  }

  /// Appends the answer to a PING.
  package static func write(pong number: UInt64, to buffer: inout ByteBuffer) {
    write(.pong, number: number, to: &buffer)
  }

  private static func write(
    _ kind: LinkMessageKind,
    number: UInt64,
    to buffer: inout ByteBuffer
  ) {
    writeHeader(kind, length: VariableLengthInteger.byteCount(of: number), to: &buffer)
    buffer.writeVariableLengthInteger(number)
  }

  private static func writeHeader(
    _ kind: LinkMessageKind,
    length: Int,
    to buffer: inout ByteBuffer
  ) {
    buffer.writeInteger(kind.rawValue)
    buffer.writeVariableLengthInteger(UInt64(length))
  }
}

/// Takes messages out of the plaintext that TLS delivers in any pieces.
package struct RecordDecoder {
  /// Plaintext that is not decoded yet: append to it after ``makeRoom(for:)``. At most one read
  /// batch and less than one message.
  package var buffer = ByteBuffer()

  package init() {}

  /// Prepares ``buffer`` for a batch of about `bytes` bytes.
  ///
  /// Storage is used again when nobody has kept a slice of it and it is not far too large: a small
  /// record that is kept shall not hold the memory of a large batch.
  package mutating func makeRoom(for bytes: Int) {
    if buffer.readableBytes == 0 {
      let isWasteful = buffer.capacity > 4 * max(bytes, Self.smallBatch)
      if isWasteful { buffer = ByteBuffer() } else { buffer.clear() }
    } else if buffer.writableBytes < bytes {
      // What is left of the last batch moves to the front of new storage: the old one may be in
      // use.
      var fresh = ByteBuffer()
      fresh.reserveCapacity(buffer.readableBytes + bytes)
      fresh.writeImmutableBuffer(buffer)
      buffer = fresh
    }
  }

  /// Bytes up to which the storage of a batch is not worth saving.
  private static let smallBatch = 4096

  /// Takes the next complete message.
  ///
  /// A message's announced length is judged as soon as its header is there, before its payload is
  /// waited for.
  ///
  /// - Returns: `nil` when bytes are missing.
  /// - Throws: What the peer did wrong; the connection is of no use then.
  package mutating func next() throws(RecordFramingViolation) -> LinkMessage? {
    var rest = buffer
    guard let kindByte: UInt8 = rest.readInteger() else { return nil }
    guard let kind = LinkMessageKind(rawValue: kindByte) else { throw .unknownKind(kindByte) }
    guard let length = rest.readVariableLengthInteger() else { return nil }
    let limit =
      kind == .record ? TransportLimits.recordBytes : TransportLimits.controlPayloadBytes
    guard length <= UInt64(limit) else { throw .messageTooLarge(length) }
    guard let payload = rest.readSlice(length: Int(length)) else { return nil }
    buffer.moveReaderIndex(to: rest.readerIndex)
    return switch kind {
    case .record: .record(payload)
    case .report: .report(try Self.number(in: payload, of: kind))
    case .ping: .ping(try Self.number(in: payload, of: kind))
    case .pong: .pong(try Self.number(in: payload, of: kind))
    }
  }

  /// The payload of a message that is one number.
  private static func number(
    in payload: ByteBuffer,
    of kind: LinkMessageKind
  ) throws(RecordFramingViolation) -> UInt64 {
    var payload = payload
    guard let number = payload.readVariableLengthInteger(), payload.readableBytes == 0 else {
      throw .malformedMessage(kind.rawValue)
    }
    return number
  }
}
