package import HawserPrimitives

package import struct NIOCore.ByteBuffer

/// One statement about a session that may be said twice (`PROTOCOL.md`, Frames).
package enum Frame: Hashable {
  case open(StreamID, OpenRequest)
  case opened(StreamID)
  case data(StreamID, offset: UInt64, bytes: ByteBuffer, fin: Bool)
  case streamCredit(StreamID, limit: UInt64)
  case sessionCredit(limit: UInt64)
  case streamCount(limit: UInt64)
  case stop(StreamID, StreamErrorCode)
  case reset(StreamID, StreamErrorCode, finalSize: UInt64, retryable: Bool)
  case close(CloseCode, reason: String)
}

/// Why bytes are not a frame.
package enum FrameError: Error, Hashable {
  case truncated
  case unknownType(UInt64)
  case openTooLong
  case unknownTargetKind(UInt64)
  case reasonTooLong
  case invalidText
  case invalidFlag(UInt64)
  case offsetOutOfRange
}

extension FrameError: CustomStringConvertible {
  /// A sentence part for the log and for the reason of CLOSE.
  package var description: String {
    switch self {
    case .truncated: "it ends too early"
    case .unknownType(let type): "type \(type) is unknown"
    case .openTooLong: "OPEN is too long"
    case .unknownTargetKind(let kind): "a target of kind \(kind) is unknown"
    case .reasonTooLong: "the reason is too long"
    case .invalidText: "a text is not UTF-8"
    case .invalidFlag(let flag): "\(flag) is no flag"
    case .offsetOutOfRange: "the offset is out of range"
    }
  }
}

/// The first byte of each frame: a variable-length integer below 64.
private enum FrameType {
  static let open: UInt64 = 1
  static let opened: UInt64 = 2
  static let data: UInt64 = 3
  static let dataFin: UInt64 = 4
  static let streamCredit: UInt64 = 5
  static let sessionCredit: UInt64 = 6
  static let streamCount: UInt64 = 7
  static let stop: UInt64 = 8
  static let reset: UInt64 = 9
  static let close: UInt64 = 10
}

private enum TargetKind {
  static let service: UInt64 = 0
  static let address: UInt64 = 1
}

// MARK: - Writing

extension Frame {
  /// Appends the frame; what is written is at most ``encodedSizeBound`` bytes.
  package func write(into buffer: inout ByteBuffer) {
    switch self {
    case .open(let stream, let request):
      buffer.writeIntegers(FrameType.open, stream.rawValue)
      request.write(into: &buffer)
    case .opened(let stream):
      buffer.writeIntegers(FrameType.opened, stream.rawValue)
    case .data(let stream, let offset, var bytes, let fin):
      Frame.writeDataHeader(
        stream,
        offset: offset,
        count: bytes.readableBytes,
        fin: fin,
        into: &buffer
      )
      buffer.writeBuffer(&bytes)
    case .streamCredit(let stream, let limit):
      buffer.writeIntegers(FrameType.streamCredit, stream.rawValue, limit)
    case .sessionCredit(let limit):
      buffer.writeIntegers(FrameType.sessionCredit, limit)
    case .streamCount(let limit):
      buffer.writeIntegers(FrameType.streamCount, limit)
    case .stop(let stream, let code):
      buffer.writeIntegers(FrameType.stop, stream.rawValue, code.rawValue)
    case .reset(let stream, let code, let finalSize, let retryable):
      buffer.writeIntegers(FrameType.reset, stream.rawValue, code.rawValue, finalSize)
      buffer.writeIntegers(retryable ? 1 : 0)
    case .close(let code, let reason):
      buffer.writeIntegers(FrameType.close, code.rawValue)
      buffer.writeLengthPrefixed(Frame.cut(reason).utf8)
    }
  }

  /// Appends what comes before a DATA frame's bytes, so that these can be copied just once.
  static func writeDataHeader(
    _ stream: StreamID,
    offset: UInt64,
    count: Int,
    fin: Bool,
    into buffer: inout ByteBuffer
  ) {
    // Not by `writeIntegers`: this one is on the data path, and its list would be allocated.
    buffer.writeVariableLengthInteger(fin ? FrameType.dataFin : FrameType.data)
    buffer.writeVariableLengthInteger(stream.rawValue)
    buffer.writeVariableLengthInteger(offset)
    buffer.writeVariableLengthInteger(UInt64(count))
  }

  /// An upper bound of the encoded size, in bytes; every frame but DATA and OPEN is small.
  package var encodedSizeBound: Int {
    switch self {
    case .open(_, let request): 1 + 8 + request.encodedSizeBound
    case .data(_, _, let bytes, _): 1 + 3 * 8 + bytes.readableBytes
    case .opened, .streamCredit, .sessionCredit, .streamCount, .stop: 1 + 2 * 8
    case .reset: 1 + 4 * 8
    case .close: 1 + 2 * 8 + ProtocolLimits.maximumReasonSize
    }
  }

  /// `reason` cut to the limit at a character's boundary.
  private static func cut(_ reason: String) -> String {
    var reason = reason
    while reason.utf8.count > ProtocolLimits.maximumReasonSize { reason.removeLast() }
    return reason
  }
}

extension OpenRequest {
  /// Whether an OPEN with these contents keeps to ``ProtocolLimits/maximumOpenSize``.
  package var fitsFrame: Bool { 1 + 8 + encodedSizeBound <= ProtocolLimits.maximumOpenSize }

  fileprivate var encodedSizeBound: Int {
    let targetSize: Int
    switch target {
    case .service: targetSize = 8
    case .address(let address): targetSize = 8 + address.utf8.count
    }
    return 1 + targetSize + 8 + metadata.reduce(0) { $0 + 16 + $1.value.count }
  }

  fileprivate func write(into buffer: inout ByteBuffer) {
    switch target {
    case .service(let id):
      buffer.writeIntegers(TargetKind.service, id)
    case .address(let address):
      buffer.writeIntegers(TargetKind.address)
      buffer.writeLengthPrefixed(address.utf8)
    }
    buffer.writeIntegers(UInt64(metadata.count))
    for item in metadata {
      buffer.writeIntegers(item.key)
      buffer.writeLengthPrefixed(item.value)
    }
  }
}

// MARK: - Reading

extension Frame {
  /// Reads one frame. DATA keeps a slice of `buffer`; nothing else is larger than an OPEN.
  ///
  /// - Throws: ``FrameError``; `buffer` is then somewhere inside the bad frame.
  package init(from buffer: inout ByteBuffer) throws(FrameError) {
    let type = try buffer.readVarint()
    switch type {
    case FrameType.open:
      let start = buffer.readerIndex
      let stream = try buffer.readStreamID()
      self = .open(stream, try OpenRequest(from: &buffer))
      guard buffer.readerIndex - start < ProtocolLimits.maximumOpenSize else {
        throw .openTooLong
      }
    case FrameType.opened:
      self = .opened(try buffer.readStreamID())
    case FrameType.data, FrameType.dataFin:
      self = try Frame.readData(fin: type == FrameType.dataFin, from: &buffer)
    case FrameType.streamCredit:
      self = .streamCredit(try buffer.readStreamID(), limit: try buffer.readVarint())
    case FrameType.sessionCredit:
      self = .sessionCredit(limit: try buffer.readVarint())
    case FrameType.streamCount:
      self = .streamCount(limit: try buffer.readVarint())
    case FrameType.stop:
      self = .stop(try buffer.readStreamID(), StreamErrorCode(rawValue: try buffer.readVarint()))
    case FrameType.reset:
      self = .reset(
        try buffer.readStreamID(),
        StreamErrorCode(rawValue: try buffer.readVarint()),
        finalSize: try buffer.readVarint(),
        retryable: try buffer.readFlag()
      )
    case FrameType.close:
      let code = CloseCode(rawValue: try buffer.readVarint())
      let reason = try buffer.readBytes(
        limit: ProtocolLimits.maximumReasonSize,
        tooLong: .reasonTooLong
      )
      self = .close(code, reason: try String(validating: reason))
    default:
      throw .unknownType(type)
    }
  }

  private static func readData(
    fin: Bool,
    from buffer: inout ByteBuffer
  ) throws(FrameError) -> Frame {
    let stream = try buffer.readStreamID()
    let offset = try buffer.readVarint()
    let count = try buffer.readVarint()
    guard offset + count <= VariableLengthInteger.maximum else { throw .offsetOutOfRange }
    guard count <= UInt64(buffer.readableBytes), let bytes = buffer.readSlice(length: Int(count))
    else { throw .truncated }
    return .data(stream, offset: offset, bytes: bytes, fin: fin)
  }
}

extension OpenRequest {
  fileprivate init(from buffer: inout ByteBuffer) throws(FrameError) {
    let limit = ProtocolLimits.maximumOpenSize
    switch try buffer.readVarint() {
    case TargetKind.service:
      target = .service(try buffer.readVarint())
    case TargetKind.address:
      let address = try buffer.readBytes(limit: limit, tooLong: .openTooLong)
      target = .address(try String(validating: address))
    case let kind:
      throw .unknownTargetKind(kind)
    }
    metadata = []
    let count = try buffer.readVarint()
    guard count <= UInt64(limit) else { throw .openTooLong }
    for _ in 0..<count {
      let key = try buffer.readVarint()
      let value = try buffer.readBytes(limit: limit, tooLong: .openTooLong)
      metadata.append(OpenMetadata(key: key, value: value))
    }
  }
}

extension ByteBuffer {
  fileprivate mutating func writeIntegers(_ values: UInt64...) {
    for value in values { writeVariableLengthInteger(value) }
  }

  fileprivate mutating func writeLengthPrefixed(_ bytes: some Collection<UInt8>) {
    writeVariableLengthInteger(UInt64(bytes.count))
    writeBytes(bytes)
  }

  fileprivate mutating func readVarint() throws(FrameError) -> UInt64 {
    guard let value = readVariableLengthInteger() else { throw .truncated }
    return value
  }

  fileprivate mutating func readStreamID() throws(FrameError) -> StreamID {
    StreamID(try readVarint())
  }

  fileprivate mutating func readFlag() throws(FrameError) -> Bool {
    switch try readVarint() {
    case 0: false
    case 1: true
    case let other: throw .invalidFlag(other)
    }
  }

  fileprivate mutating func readBytes(
    limit: Int,
    tooLong: FrameError
  ) throws(FrameError) -> [UInt8] {
    let count = try readVarint()
    guard count <= UInt64(limit) else { throw tooLong }
    guard let bytes = readBytes(length: Int(count)) else { throw .truncated }
    return bytes
  }
}

extension String {
  fileprivate init(validating bytes: [UInt8]) throws(FrameError) {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidText }
    self = text
  }
}
