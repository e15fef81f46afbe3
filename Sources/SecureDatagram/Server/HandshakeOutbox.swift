internal import struct NIOCore.ByteBuffer

/// Handshake packets that wait to be sent, the oldest first; what finds no room is lost, as it
/// might be on its way.
struct HandshakeOutbox {
  private var waiting: [(packet: ByteBuffer, address: PathAddress)] = []
  private var start = 0

  mutating func add(_ packet: ByteBuffer, to address: PathAddress) {
    guard waiting.count - start < DatagramLimits.queuedHandshakePackets else { return }
    waiting.append((packet, address))
  }

  mutating func next() -> (packet: ByteBuffer, address: PathAddress)? {
    guard start < waiting.count else {
      waiting.removeAll(keepingCapacity: true)
      start = 0
      return nil
    }
    defer { start += 1 }
    return waiting[start]
  }
}
