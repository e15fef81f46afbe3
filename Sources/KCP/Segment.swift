package import struct NIOCore.ByteBuffer

/// What a segment is for. The numbers are those of the wire.
package enum SegmentCommand: UInt8, Sendable {
  /// Carries bytes (`IKCP_CMD_PUSH`).
  case push = 81
  /// Acknowledges one transmission (`IKCP_CMD_ACK`).
  case acknowledge = 82
  /// Asks for the window (`IKCP_CMD_WASK`).
  case askWindow = 83
  /// Tells the window (`IKCP_CMD_WINS`).
  case tellWindow = 84
  /// Acknowledges ranges of transmissions: ours, negotiated; see ``RangeAcknowledgement``.
  case acknowledgeRanges = 90
}

/// What is wrong with a datagram. Segments before the wrong one count, nothing after it does.
package enum SegmentError: Error, Hashable, Sendable {
  /// Less than a header, or less than the header promised.
  case truncated
  /// Of another conversation: its first four bytes.
  case foreignConversation(UInt32)
  /// A command that is not in the protocol, or that was not negotiated.
  case unknownCommand(UInt8)
  /// A range acknowledgement that contradicts itself.
  case malformedRanges
}

/// The 24 bytes before a segment's payload, little endian:
///
///     conv u32 | cmd u8 | frg u8 | wnd u16 | ts u32 | sn u32 | una u32 | len u32
///
/// Sequence numbers and timestamps are as they travel; see ``unwrap(_:near:)``.
package struct SegmentHeader: Hashable, Sendable {
  /// Bytes on the wire.
  package static let byteCount = 24

  /// `conv`.
  package var conversationID: UInt32
  /// `cmd`.
  package var command: SegmentCommand
  /// `frg`: the number of fragments of the same message that follow.
  package var fragment: UInt8
  /// `wnd`: free slots of the sender's receive window, counted from `unacknowledged`.
  package var window: UInt16
  /// `ts`: the sender's mark, which an acknowledgement repeats.
  package var timestamp: UInt32
  /// `sn`.
  package var sequenceNumber: UInt32
  /// `una`: everything below has been received by the sender of this segment.
  package var unacknowledged: UInt32
  /// `len`: bytes of payload that follow.
  package var length: UInt32

  package init(
    conversationID: UInt32,
    command: SegmentCommand,
    fragment: UInt8 = 0,
    window: UInt16,
    timestamp: UInt32 = 0,
    sequenceNumber: UInt32 = 0,
    unacknowledged: UInt32,
    length: UInt32 = 0
  ) {
    self.conversationID = conversationID
    self.command = command
    self.fragment = fragment
    self.window = window
    self.timestamp = timestamp
    self.sequenceNumber = sequenceNumber
    self.unacknowledged = unacknowledged
    self.length = length
  }

  /// Takes a header off the front of `datagram`, and makes sure that its payload is there.
  ///
  /// - Parameters:
  ///   - datagram: Advanced past the header, to the payload; unchanged when this throws.
  ///   - conversationID: The only one that is accepted.
  /// - Throws: Any ``SegmentError`` but ``SegmentError/malformedRanges``.
  package init(from datagram: inout ByteBuffer, of conversationID: UInt32) throws(SegmentError) {
    let start = datagram
    do throws(SegmentError) {
      guard
        let (first, second, third) = datagram.readMultipleIntegers(
          endianness: .little,
          as: (UInt64, UInt64, UInt64).self
        )
      else { throw .truncated }
      self.conversationID = UInt32(truncatingIfNeeded: first)
      guard self.conversationID == conversationID else {
        throw .foreignConversation(self.conversationID)
      }
      let code = UInt8(truncatingIfNeeded: first >> 32)
      guard let command = SegmentCommand(rawValue: code) else { throw .unknownCommand(code) }
      self.command = command
      fragment = UInt8(truncatingIfNeeded: first >> 40)
      window = UInt16(truncatingIfNeeded: first >> 48)
      timestamp = UInt32(truncatingIfNeeded: second)
      sequenceNumber = UInt32(truncatingIfNeeded: second >> 32)
      unacknowledged = UInt32(truncatingIfNeeded: third)
      length = UInt32(truncatingIfNeeded: third >> 32)
      guard length <= datagram.readableBytes else { throw .truncated }
    } catch {
      datagram = start
      throw error
    }
  }

  /// Appends the 24 bytes.
  package func write(into datagram: inout ByteBuffer) {
    let first =
      UInt64(conversationID) | UInt64(command.rawValue) << 32 | UInt64(fragment) << 40
      | UInt64(window) << 48
    let second = UInt64(timestamp) | UInt64(sequenceNumber) << 32
    let third = UInt64(unacknowledged) | UInt64(length) << 32
    datagram.writeMultipleIntegers(first, second, third, endianness: .little)
  }
}

/// The number that `wire` stands for, which is the one nearest to `reference` of all those whose
/// lower 32 bits it is.
///
/// Inside, numbers of segments and transmissions never wrap: they are 63 bits wide, and only the
/// codec knows that the wire has 32. Serial number arithmetic (RFC 1982) happens in this one place.
package func unwrap(_ wire: UInt32, near reference: Int) -> Int {
  // Sequence arithmetic: the distance is defined modulo 2³².
  reference + Int(Int32(bitPattern: wire &- UInt32(truncatingIfNeeded: reference)))
}
