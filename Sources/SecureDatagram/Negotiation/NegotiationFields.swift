internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// The fields of the messages that the Noise payloads carry: id varint · length varint · value, in
/// ascending order of id. Odd ids are critical, even ones are skipped when unknown.
enum NegotiationField: UInt64 {
  case versions = 1
  case connectionID = 3
  case ciphers = 5
  case extensions = 7
  case version = 9
  case cipher = 11
  case refusal = 13
  case padding = 62

  /// INIT holds these.
  static let offer: [NegotiationField] = [.versions, .connectionID, .ciphers, .extensions]
  /// RESP holds these, or ``refusal`` alone.
  static let answer: [NegotiationField] = [.connectionID, .extensions, .version, .cipher, .refusal]
}

/// The fields of one received message, split but not yet understood.
struct NegotiationFields {
  private var values: [(id: UInt64, value: ByteBuffer)] = []

  /// Splits a message whose critical fields may be those `known`.
  init(splitting message: [UInt8], known: [NegotiationField]) throws(NegotiationError) {
    var rest = ByteBuffer(bytes: message)
    while rest.readableBytes > 0 {
      guard let id = rest.readVariableLengthInteger(),
        let length = rest.readVariableLengthInteger(),
        let count = Int(exactly: length),
        let value = rest.readSlice(length: count)
      else { throw .truncated }
      if let last = values.last, id <= last.id { throw .fieldOutOfOrder(id: id) }
      guard values.count < DatagramLimits.negotiationFields else { throw .tooManyFields }
      if id % 2 == 1 {
        guard let field = NegotiationField(rawValue: id), known.contains(field) else {
          throw .unknownCriticalField(id: id)
        }
      }
      values.append((id, value))
    }
  }

  func has(_ field: NegotiationField) -> Bool {
    values.contains { $0.id == field.rawValue }
  }

  private func value(_ field: NegotiationField) throws(NegotiationError) -> ByteBuffer {
    guard let item = values.first(where: { $0.id == field.rawValue }) else {
      throw .missingField(id: field.rawValue)
    }
    return item.value
  }

  /// The integers that fill a field.
  func integers(
    _ field: NegotiationField,
    in range: ClosedRange<Int>
  ) throws(NegotiationError) -> [UInt64] {
    var rest = try value(field)
    var list: [UInt64] = []
    while rest.readableBytes > 0 {
      guard let next = rest.readVariableLengthInteger(), list.count < range.upperBound else {
        throw .malformedField(id: field.rawValue)
      }
      list.append(next)
    }
    guard range.contains(list.count) else { throw .malformedField(id: field.rawValue) }
    return list
  }

  /// The one integer that fills a field.
  func integer(_ field: NegotiationField) throws(NegotiationError) -> UInt64 {
    let list = try integers(field, in: 1...1)
    guard let first = list.first else { throw .malformedField(id: field.rawValue) }
    return first
  }

  func connectionID() throws(NegotiationError) -> ConnectionID {
    var value = try value(.connectionID)
    guard value.readableBytes == ConnectionID.byteCount, let id = value.readConnectionID() else {
      throw .malformedField(id: NegotiationField.connectionID.rawValue)
    }
    return id
  }
}

extension ByteBuffer {
  mutating func writeField(_ field: NegotiationField, integers: [UInt64]) {
    var value = ByteBuffer()
    for integer in integers { value.writeVariableLengthInteger(integer) }
    writeVariableLengthInteger(field.rawValue)
    writeVariableLengthInteger(UInt64(value.readableBytes))
    writeImmutableBuffer(value)
  }

  mutating func writeField(_ id: ConnectionID) {
    writeVariableLengthInteger(NegotiationField.connectionID.rawValue)
    writeVariableLengthInteger(UInt64(ConnectionID.byteCount))
    writeConnectionID(id)
  }

  /// Fills up to `count` readable bytes with a field of zeros, where there is room for one.
  mutating func writePadding(to count: Int) {
    // The id takes one byte and the length two, from 64 bytes up.
    let padding = count - readableBytes - 3
    guard padding >= 64 else { return }
    writeVariableLengthInteger(NegotiationField.padding.rawValue)
    writeVariableLengthInteger(UInt64(padding))
    writeRepeatingByte(0, count: padding)
  }
}
