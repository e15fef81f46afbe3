/// The number of a stream within its session (`PROTOCOL.md`, Streams).
///
/// 62 bits; odd when the dialling side opened the stream, even when the accepting side did.
/// Stream 0 carries the control messages of both.
package struct StreamID: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var rawValue: UInt64

  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The stream of control messages, open from the start in both directions.
  package static let control = StreamID(0)

  package static func < (left: StreamID, right: StreamID) -> Bool {
    left.rawValue < right.rawValue
  }

  package var description: String { "\(rawValue)" }
}

/// Names a link within one process. Never sent; never reused.
package struct LinkID: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var rawValue: UInt64

  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  package static func < (left: LinkID, right: LinkID) -> Bool {
    left.rawValue < right.rawValue
  }

  package var description: String { "\(rawValue)" }
}

/// The place of a record in the order in which its session gave records to one link, from 0.
package struct RecordNumber: Sendable, Hashable, Comparable {
  package var rawValue: UInt64

  package init(_ rawValue: UInt64) {
    self.rawValue = rawValue
  }

  package static func < (left: RecordNumber, right: RecordNumber) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The dialler's count of attachments of a session: the highest authenticated one is the sending
/// link for both sides (`PROTOCOL.md`, Resume).
package typealias AttachmentEpoch = UInt64

/// A random identifier of 16 bytes: a session's, a client's, a process's.
package struct RandomID: Sendable, Hashable, CustomStringConvertible {
  /// The length on the wire, in bytes.
  package static let byteCount = 16

  private let high: UInt64
  private let low: UInt64

  /// - Parameter bytes: Exactly ``byteCount`` bytes; `nil` is returned for any other number.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for byte in bytes {
      high = high << 8 | low >> 56
      low = low << 8 | UInt64(byte)
    }
    self.high = high
    self.low = low
  }

  /// Draws an identifier; production code passes the system's generator.
  package init(using generator: inout some RandomNumberGenerator) {
    high = generator.next()
    low = generator.next()
  }

  /// The ``byteCount`` bytes, as sent.
  package var bytes: [UInt8] {
    [high, low].flatMap { word in
      stride(from: 56, through: 0, by: -8).map { UInt8(word >> $0 & 0xFF) }
    }
  }

  /// Lower-case hexadecimal, 32 digits.
  package var description: String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
