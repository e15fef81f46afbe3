package import struct NIOCore.ByteBuffer

/// QUIC's variable-length integers (RFC 9000 §16): 1, 2, 4 or 8 bytes, 62 bits of value.
package enum VariableLengthInteger {
  /// The largest value that can be written.
  package static let maximum: UInt64 = 1 << 62 - 1

  /// The number of bytes that `value` takes: 1, 2, 4 or 8.
  package static func byteCount(of value: UInt64) -> Int {
    switch value {
    case ..<(1 << 6): 1
    case ..<(1 << 14): 2
    case ..<(1 << 30): 4
    default: 8
    }
  }
}

extension ByteBuffer {
  /// Appends `value` in its shortest form.
  ///
  /// - Parameter value: At most ``VariableLengthInteger/maximum``; a greater one is our bug and is
  ///   written as the maximum in release builds.
  package mutating func writeVariableLengthInteger(_ value: UInt64) {
    assert(value <= VariableLengthInteger.maximum)
    let value = min(value, VariableLengthInteger.maximum)
    switch VariableLengthInteger.byteCount(of: value) {
    case 1: writeInteger(UInt8(truncatingIfNeeded: value))
    case 2: writeInteger(UInt16(truncatingIfNeeded: value) | 0x4000)
    case 4: writeInteger(UInt32(truncatingIfNeeded: value) | 0x8000_0000)
    default: writeInteger(value | 0xC000_0000_0000_0000)
    }
  }

  /// Reads a variable-length integer, longer forms than necessary included.
  ///
  /// - Returns: The value, or `nil`, with nothing consumed, when bytes are missing.
  package mutating func readVariableLengthInteger() -> UInt64? {
    guard let first: UInt8 = getInteger(at: readerIndex) else { return nil }
    switch first >> 6 {
    case 0:
      moveReaderIndex(forwardBy: 1)
      return UInt64(first)
    case 1: return readInteger(as: UInt16.self).map { UInt64($0 & 0x3FFF) }
    case 2: return readInteger(as: UInt32.self).map { UInt64($0 & 0x3FFF_FFFF) }
    default: return readInteger(as: UInt64.self).map { $0 & VariableLengthInteger.maximum }
    }
  }
}
