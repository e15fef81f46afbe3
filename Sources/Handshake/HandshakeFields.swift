internal import struct NIOCore.ByteBuffer
internal import HawserPrimitives

/// The first byte of a handshake message.
enum HandshakeMessageType: UInt8 {
  case hello = 1
  case welcome = 2
  case reject = 3
}

/// The fields of all handshake messages: an id means the same in each. Odd ids are critical.
enum HandshakeFieldID: UInt64 {
  case versions = 1
  case name = 2
  case version = 3
  case reason = 4
  case features = 5
  case retryDelay = 6
  case role = 7
  case codeName = 8
  case token = 9
  case clientID = 11
  case processID = 13
  case sessionID = 15
  case epoch = 17
  case proof = 19
  case resumeSecret = 21
  case grants = 23
  case heartbeat = 25
  case grace = 27
  case code = 29
  case disposition = 31
}

/// The fields of one received message, split but not yet understood.
struct HandshakeFields {
  private var values: [(id: UInt64, value: ByteBuffer)] = []

  /// Splits `message`, whose type has been read already, into fields.
  ///
  /// - Throws: ``HandshakeError`` for anything but whole fields in ascending order of id.
  init(splitting message: ByteBuffer) throws(HandshakeError) {
    var message = message
    while message.readableBytes > 0 {
      guard let id = message.readVariableLengthInteger(),
        let length = message.readVariableLengthInteger(),
        let count = Int(exactly: length),
        let value = message.readSlice(length: count)
      else { throw .truncated }
      if let last = values.last, id <= last.id { throw .fieldOutOfOrder(id: id) }
      guard values.count < HandshakeLimits.fields else { throw .tooManyFields }
      values.append((id, value))
    }
  }

  /// Reads the type of `message` and leaves the fields.
  static func type(of message: inout ByteBuffer) throws(HandshakeError) -> HandshakeMessageType {
    guard message.readableBytes <= HandshakeLimits.messageBytes else {
      throw .tooLarge(bytes: message.readableBytes)
    }
    guard let byte: UInt8 = message.readInteger() else { throw .truncated }
    guard let type = HandshakeMessageType(rawValue: byte) else {
      throw .unexpectedMessage(type: byte)
    }
    return type
  }

  /// Refuses critical fields beside `known`; ignorable ones are left alone.
  func refuseCritical(except known: [HandshakeFieldID]) throws(HandshakeError) {
    for (id, _) in values where id % 2 == 1 {
      guard let field = HandshakeFieldID(rawValue: id), known.contains(field) else {
        throw .unknownCriticalField(id: id)
      }
    }
  }

  /// Whether the message has the field.
  func has(_ id: HandshakeFieldID) -> Bool {
    values.contains { $0.id == id.rawValue }
  }

  /// Refuses a message that has any of the fields.
  func exclude(_ ids: [HandshakeFieldID]) throws(HandshakeError) {
    for id in ids where has(id) { throw .conflictingField(id: id.rawValue) }
  }

  /// The raw value of a field that has to be there.
  func value(_ id: HandshakeFieldID) throws(HandshakeError) -> ByteBuffer {
    guard let field = values.first(where: { $0.id == id.rawValue }) else {
      throw .missingField(id: id.rawValue)
    }
    return field.value
  }

  /// One variable-length integer that fills the field.
  func integer(_ id: HandshakeFieldID) throws(HandshakeError) -> UInt64 {
    let list = try integers(id, atMost: 1)
    guard let first = list.first else { throw .malformedField(id: id.rawValue) }
    return first
  }

  /// Variable-length integers that fill the field.
  func integers(_ id: HandshakeFieldID, atMost limit: Int) throws(HandshakeError) -> [UInt64] {
    var value = try value(id)
    var list: [UInt64] = []
    while value.readableBytes > 0 {
      guard list.count < limit, let next = value.readVariableLengthInteger() else {
        throw .malformedField(id: id.rawValue)
      }
      list.append(next)
    }
    return list
  }

  /// A duration in whole milliseconds within `range`.
  func duration(
    _ id: HandshakeFieldID,
    in range: ClosedRange<Duration>
  ) throws(HandshakeError) -> Duration {
    let duration = Duration.milliseconds(try integer(id))
    guard range.contains(duration) else { throw .malformedField(id: id.rawValue) }
    return duration
  }

  /// Exactly `count` bytes.
  func bytes(_ id: HandshakeFieldID, count: Int) throws(HandshakeError) -> [UInt8] {
    let value = try value(id)
    guard value.readableBytes == count else { throw .malformedField(id: id.rawValue) }
    return Array(value.readableBytesView)
  }

  /// An identifier of 16 bytes.
  func identifier(_ id: HandshakeFieldID) throws(HandshakeError) -> RandomID {
    guard let identifier = RandomID(bytes: try value(id).readableBytesView) else {
      throw .malformedField(id: id.rawValue)
    }
    return identifier
  }

  /// UTF-8 without control characters, at most `limit` bytes.
  func text(_ id: HandshakeFieldID, atMost limit: Int) throws(HandshakeError) -> String {
    let value = try value(id)
    guard value.readableBytes <= limit,
      let text = String(validating: value.readableBytesView, as: UTF8.self),
      text.isPrintable
    else { throw .malformedField(id: id.rawValue) }
    return text
  }

  /// The two grants.
  func grants() throws(HandshakeError) -> AnnouncedGrants {
    let values = try integers(.grants, atMost: 2)
    guard values.count == 2 else {
      throw .malformedField(id: HandshakeFieldID.grants.rawValue)
    }
    return AnnouncedGrants(sessionBytes: values[0], streams: values[1])
  }
}

/// Builds one handshake message. Fields have to be written in ascending order of id.
struct HandshakeWriter {
  private var buffer = ByteBuffer()
  private var lastID: UInt64 = 0

  init(_ type: HandshakeMessageType) {
    buffer.writeInteger(type.rawValue)
  }

  /// Appends a field of raw bytes.
  mutating func write(_ id: HandshakeFieldID, bytes: some Collection<UInt8>) {
    assert(id.rawValue > lastID)
    lastID = id.rawValue
    buffer.writeVariableLengthInteger(id.rawValue)
    buffer.writeVariableLengthInteger(UInt64(bytes.count))
    buffer.writeBytes(bytes)
  }

  /// Appends a field of integers.
  ///
  /// - Throws: ``HandshakeError/unencodable(field:)`` when there are more than `limit`, or one has
  ///   more than 62 bits.
  mutating func write(
    _ id: HandshakeFieldID,
    integers: [UInt64],
    atMost limit: Int
  ) throws(HandshakeError) {
    guard integers.count <= limit,
      integers.allSatisfy({ $0 <= VariableLengthInteger.maximum })
    else { throw .unencodable(field: "\(id)") }
    var value = ByteBuffer()
    for integer in integers { value.writeVariableLengthInteger(integer) }
    write(id, bytes: value.readableBytesView)
  }

  /// Appends a field of one integer of at most 62 bits.
  mutating func write(_ id: HandshakeFieldID, integer: UInt64) throws(HandshakeError) {
    try write(id, integers: [integer], atMost: 1)
  }

  /// Appends a duration, rounded down to whole milliseconds.
  mutating func write(
    _ id: HandshakeFieldID,
    duration: Duration,
    in range: ClosedRange<Duration>
  ) throws(HandshakeError) {
    guard range.contains(duration) else { throw .unencodable(field: "\(id)") }
    try write(id, integer: UInt64(duration.wholeNanoseconds / 1_000_000))
  }

  /// Appends text of at most `limit` bytes without control characters.
  mutating func write(
    _ id: HandshakeFieldID,
    text: String,
    atMost limit: Int
  ) throws(HandshakeError) {
    guard text.utf8.count <= limit, text.isPrintable else { throw .unencodable(field: "\(id)") }
    write(id, bytes: text.utf8)
  }

  /// Appends the two grants.
  mutating func write(_ grants: AnnouncedGrants) throws(HandshakeError) {
    try write(.grants, integers: [grants.sessionBytes, grants.streams], atMost: 2)
  }

  /// The finished message.
  ///
  /// - Throws: ``HandshakeError/tooLarge(bytes:)``.
  consuming func finish() throws(HandshakeError) -> ByteBuffer {
    guard buffer.readableBytes <= HandshakeLimits.messageBytes else {
      throw .tooLarge(bytes: buffer.readableBytes)
    }
    return buffer
  }
}
