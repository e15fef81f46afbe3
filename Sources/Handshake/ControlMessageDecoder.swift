internal import FoundationEssentials
package import struct NIOCore.ByteBuffer
internal import HawserPrimitives

extension ControlMessage {
  /// The message with its length prefix, ready for stream 0.
  ///
  /// - Throws: ``HandshakeError/unencodable(field:)`` or
  ///   ``HandshakeError/controlMessageTooLarge(bytes:)``.
  package func encoded() throws(HandshakeError) -> ByteBuffer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json: Data
    do {
      json = try encoder.encode(ControlMessageJSON(message: self))
    } catch {
      throw .unencodable(field: "control message")
    }
    guard json.count <= HandshakeLimits.controlMessageBytes else {
      throw .controlMessageTooLarge(bytes: UInt64(json.count))
    }
    var buffer = ByteBuffer()
    buffer.reserveCapacity(json.count + 4)
    buffer.writeVariableLengthInteger(UInt64(json.count))
    buffer.writeBytes(json)
    return buffer
  }
}

/// Cuts the bytes of stream 0 into control messages, however they are split on arrival.
///
/// ```
///            append            whole message
///   ┌──────┐ ───────▶ ┌─────────┐ ────────▶ message, or the next one if its type is unknown
///   │ idle │          │ partial │
///   └──────┘ ◀─────── └─────────┘ ────────▶ failed: every later call throws the same error
///             empty                 error
/// ```
package struct ControlMessageDecoder: Sendable {
  private var buffer = ByteBuffer()
  private var failure: HandshakeError?

  /// Messages that were skipped because their type is not known here.
  package private(set) var skippedMessages = 0

  package init() {}

  /// The bytes held of a message that is not yet whole.
  package var heldBytes: Int { buffer.readableBytes }

  /// Takes bytes in the order of the stream.
  ///
  /// What is held is what was passed and not yet taken by ``next()``: call that until it returns
  /// `nil`, and no more than one partial message is held.
  package mutating func append(_ bytes: ByteBuffer) {
    guard failure == nil else { return }
    var bytes = bytes
    // Otherwise what was read would stay in front for as long as messages arrive in parts.
    buffer.discardReadBytes()
    buffer.writeBuffer(&bytes)
  }

  /// The next whole message of a known type.
  ///
  /// - Returns: `nil` when more bytes are needed.
  /// - Throws: ``HandshakeError/controlMessageTooLarge(bytes:)`` as soon as the length is known,
  ///   or ``HandshakeError/malformedControlMessage``. The stream cannot be read any further then.
  package mutating func next() throws(HandshakeError) -> ControlMessage? {
    if let failure { throw failure }
    do {
      while let json = try nextText() {
        if let message = try Self.decode(json) { return message }
        skippedMessages += 1
      }
      return nil
    } catch {
      failure = error
      buffer = ByteBuffer()
      throw error
    }
  }

  private mutating func nextText() throws(HandshakeError) -> ByteBuffer? {
    var ahead = buffer
    guard let length = ahead.readVariableLengthInteger() else { return nil }
    guard length <= UInt64(HandshakeLimits.controlMessageBytes) else {
      throw .controlMessageTooLarge(bytes: length)
    }
    guard let text = ahead.readSlice(length: Int(length)) else { return nil }
    buffer = ahead
    return text
  }

  private static func decode(_ json: ByteBuffer) throws(HandshakeError) -> ControlMessage? {
    do {
      let data = Data(json.readableBytesView)
      return try JSONDecoder().decode(ControlMessageJSON.self, from: data).message
    } catch {
      throw .malformedControlMessage
    }
  }
}
