/// What the first byte of a datagram says: for handshake packets the type in the high half and the
/// version in the low one, for DATA a set top bit.
enum PacketType: UInt8 {
  case initial = 0x11
  case response = 0x21
  case retry = 0x31
  /// The other seven bits are zero in version 1.
  case data = 0x80

  init?(firstByte: UInt8) {
    self.init(rawValue: firstByte)
  }
}
