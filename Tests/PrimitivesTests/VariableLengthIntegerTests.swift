import HawserPrimitives
import NIOCore
import Testing

struct `Variable-length integers` {
  /// RFC 9000 §A.1, then the edges of each length.
  static let samples: [(value: UInt64, bytes: [UInt8])] = [
    (151_288_809_941_952_652, [0xC2, 0x19, 0x7C, 0x5E, 0xFF, 0x14, 0xE8, 0x8C]),
    (494_878_333, [0x9D, 0x7F, 0x3E, 0x7D]),
    (15_293, [0x7B, 0xBD]),
    (37, [0x25]),
    (0, [0]),
    (63, [63]),
    (64, [0x40, 64]),
    (16_383, [0x7F, 0xFF]),
    (16_384, [0x80, 0, 0x40, 0]),
    (1_073_741_823, [0xBF, 0xFF, 0xFF, 0xFF]),
    (1_073_741_824, [0xC0, 0, 0, 0, 0x40, 0, 0, 0]),
    (VariableLengthInteger.maximum, [255, 255, 255, 255, 255, 255, 255, 255]),
  ]

  @Test(arguments: samples)
  func `are written in their shortest form and read back`(value: UInt64, bytes: [UInt8]) {
    var buffer = ByteBuffer()
    buffer.writeVariableLengthInteger(value)
    #expect(Array(buffer.readableBytesView) == bytes)
    #expect(VariableLengthInteger.byteCount(of: value) == bytes.count)
    #expect(buffer.readVariableLengthInteger() == value)
    #expect(buffer.readableBytes == 0)
  }

  @Test(arguments: samples)
  func `consume nothing while bytes are missing`(value: UInt64, bytes: [UInt8]) {
    for length in 0..<bytes.count {
      var buffer = ByteBuffer(bytes: bytes.prefix(length))
      #expect(buffer.readVariableLengthInteger() == nil)
      #expect(buffer.readableBytes == length)
    }
  }

  @Test func `are read from a longer form than necessary`() {
    var buffer = ByteBuffer(bytes: [0x40, 0x25])
    #expect(buffer.readVariableLengthInteger() == 37)
  }
}
