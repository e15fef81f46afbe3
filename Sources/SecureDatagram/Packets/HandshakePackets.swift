package import HawserCryptography
package import struct NIOCore.ByteBuffer

/// INIT: the client's first message.
///
///     0x11 · reserved 3 · source id 8 · Noise message 1 · mac1 16 · mac2 16
///
/// 1200 to 1500 bytes.
package struct InitialPacket {
  /// What the client calls the connection.
  package let source: ConnectionID
  /// The first Noise message.
  package let noiseMessage: ByteBuffer
  /// Proves the knock secret; covers all before it.
  package let mac1: AuthenticationCode
  /// Proves a cookie; covers all before it. Zero without one.
  package let mac2: AuthenticationCode

  static let headerBytes = 1 + 3 + ConnectionID.byteCount
  static let macBytes = 2 * AuthenticationCode.byteCount

  /// Splits a datagram; nothing is checked but the layout.
  package init(decoding datagram: ByteBuffer) throws(DatagramError) {
    let count = datagram.readableBytes
    guard (DatagramLimits.baseDatagramBytes...DatagramLimits.initialBytes).contains(count) else {
      throw .wrongLength(count)
    }
    var rest = datagram
    try rest.readPacketStart(.initial)
    guard let source = rest.readConnectionID(),
      let noiseMessage = rest.readSlice(length: rest.readableBytes - Self.macBytes),
      let mac1 = rest.readAuthenticationCode(),
      let mac2 = rest.readAuthenticationCode()
    else { throw .wrongLength(count) }
    self.source = source
    self.noiseMessage = noiseMessage
    self.mac1 = mac1
    self.mac2 = mac2
  }

  /// Writes the part that mac1 covers.
  static func writeStart(
    source: ConnectionID,
    noiseMessage: [UInt8],
    into buffer: inout ByteBuffer
  ) {
    buffer.writePacketStart(.initial)
    buffer.writeConnectionID(source)
    buffer.writeBytes(noiseMessage)
  }
}

/// RESP: the server's answer to INIT.
///
///     0x21 · reserved 3 · destination id 8 · source id 8 · Noise message 2 · mac1 16
package struct ResponsePacket {
  /// The source id of the INIT.
  package let destination: ConnectionID
  /// What the server calls the connection.
  package let source: ConnectionID
  /// The second Noise message.
  package let noiseMessage: ByteBuffer
  /// Proves the knock secret; covers all before it.
  package let mac1: AuthenticationCode

  static let headerBytes = 1 + 3 + 2 * ConnectionID.byteCount

  /// Splits a datagram; nothing is checked but the layout.
  package init(decoding datagram: ByteBuffer) throws(DatagramError) {
    let count = datagram.readableBytes
    guard count >= Self.headerBytes + AuthenticationCode.byteCount,
      count <= DatagramLimits.responseBytes
    else { throw .wrongLength(count) }
    var rest = datagram
    try rest.readPacketStart(.response)
    guard let destination = rest.readConnectionID(), let source = rest.readConnectionID(),
      let noiseMessage = rest.readSlice(
        length: rest.readableBytes - AuthenticationCode.byteCount
      ),
      let mac1 = rest.readAuthenticationCode()
    else { throw .wrongLength(count) }
    self.destination = destination
    self.source = source
    self.noiseMessage = noiseMessage
    self.mac1 = mac1
  }

  /// The whole packet.
  static func encode(
    destination: ConnectionID,
    source: ConnectionID,
    noiseMessage: [UInt8],
    knock: KnockKeys
  ) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writePacketStart(.response)
    buffer.writeConnectionID(destination)
    buffer.writeConnectionID(source)
    buffer.writeBytes(noiseMessage)
    buffer.writeAuthenticationCode(knock.mac1(over: buffer.readableBytesSpan))
    return buffer
  }
}

/// RETRY: what a server under load says instead of RESP; it costs it no key agreement.
///
///     0x31 · reserved 3 · destination id 8 · nonce 24 · sealed cookie 32
package struct RetryPacket {
  /// The source id of the INIT.
  package let destination: ConnectionID
  /// For ``XChaCha20Poly1305``.
  package let nonce: [UInt8]
  /// The cookie, sealed with the cookie key and the mac1 of the INIT as associated data.
  package let sealedCookie: [UInt8]

  package init(destination: ConnectionID, nonce: [UInt8], sealedCookie: [UInt8]) {
    self.destination = destination
    self.nonce = nonce
    self.sealedCookie = sealedCookie
  }

  /// Splits a datagram; nothing is checked but the layout.
  package init(decoding datagram: ByteBuffer) throws(DatagramError) {
    let count = datagram.readableBytes
    guard count == DatagramLimits.retryBytes else { throw .wrongLength(count) }
    var rest = datagram
    try rest.readPacketStart(.retry)
    guard let destination = rest.readConnectionID(),
      let nonce = rest.readBytes(length: XChaCha20Poly1305.nonceByteCount)
    else { throw .wrongLength(count) }
    self.destination = destination
    self.nonce = nonce
    sealedCookie = Array(rest.readableBytesView)
  }

  /// The whole packet.
  package func encoded() -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writePacketStart(.retry)
    buffer.writeConnectionID(destination)
    buffer.writeBytes(nonce)
    buffer.writeBytes(sealedCookie)
    return buffer
  }
}

extension ByteBuffer {
  /// Reads type, version and the reserved bytes.
  fileprivate mutating func readPacketStart(_ expected: PacketType) throws(DatagramError) {
    guard let start: UInt32 = readInteger() else { throw .wrongLength(readableBytes) }
    let first = UInt8(start >> 24)
    guard let type = PacketType(firstByte: first) else { throw .unknownType(first) }
    guard type == expected else { throw .unexpectedType }
    guard start & 0xFF_FFFF == 0 else { throw .reservedBits }
  }

  fileprivate mutating func writePacketStart(_ type: PacketType) {
    writeInteger(UInt32(type.rawValue) << 24)
  }

  mutating func readAuthenticationCode() -> AuthenticationCode? {
    guard readableBytes >= AuthenticationCode.byteCount,
      let high: UInt64 = readInteger(), let low: UInt64 = readInteger()
    else { return nil }
    return AuthenticationCode(high: high, low: low)
  }

  mutating func writeAuthenticationCode(_ code: AuthenticationCode) {
    writeInteger(code.high)
    writeInteger(code.low)
  }
}
