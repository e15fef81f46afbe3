import HawserPrimitives

import struct NIOCore.ByteBuffer

/// The receiving direction of one stream, and the credit given to it.
///
///     receiving ──FIN or end known, all read──▶ over
///        │  │                                    ▲
///        │  └──RESET from the peer───────────────┤
///        └──stop──▶ discarding ──FIN or RESET────┘
struct ReceiveHalf {
  private enum State {
    case receiving
    /// STOP was said: what still comes is counted and dropped.
    case discarding
    case over
  }

  /// What an input changed.
  struct Change {
    /// How far the highest offset rose: this much session credit is used.
    var receivedBytes: UInt64 = 0
    /// Bytes that nobody will read: session credit to give back.
    var discardedBytes: UInt64 = 0
    /// Whether the input said anything new.
    var isNews = false
    /// Whether the reader may now get bytes, or the end.
    var isReadable = false
    /// Whether the peer's direction was reset by this input.
    var wasReset = false
  }

  private var state = State.receiving
  private var buffer = ReassemblyBuffer()
  private var finalSize: UInt64?

  /// Highest offset seen.
  private(set) var highest: UInt64 = 0
  /// Bytes read or discarded: credit counts from here.
  private(set) var consumed: UInt64 = 0
  /// The first offset that the peer may not send, as last announced.
  private(set) var creditLimit: UInt64

  init(creditLimit: UInt64) {
    self.creditLimit = creditLimit
  }

  var isOver: Bool {
    if case .over = state { true } else { false }
  }

  /// Whether credit may still be announced.
  var takesCredit: Bool {
    switch state {
    case .receiving, .discarding: finalSize == nil
    case .over: false
    }
  }

  /// Whether every byte up to the end has arrived, and someone still reads.
  var hasEverything: Bool {
    if case .receiving = state { finalSize == buffer.contiguousEnd } else { false }
  }

  var unreadBytes: Int { buffer.readyBytes }
  var heldBytes: Int { buffer.heldBytes }

  // MARK: From the peer

  mutating func receive(
    _ bytes: ByteBuffer,
    at offset: UInt64,
    fin: Bool,
    on stream: StreamID,
    gapLimit: Int
  ) throws(SessionViolation) -> Change {
    var change = Change()
    let end = offset + UInt64(bytes.readableBytes)
    if let finalSize, end > finalSize || (fin && end != finalSize) {
      throw .finalSizeConflict(stream)
    }
    if fin, end < highest { throw .finalSizeConflict(stream) }
    guard end <= creditLimit else { throw .streamCreditExceeded(stream) }
    if fin, finalSize == nil {
      finalSize = end
      change.isNews = true
    }
    change.receivedBytes = raiseHighest(to: end)
    switch state {
    case .receiving:
      let ready = buffer.readyBytes
      if buffer.insert(bytes, at: offset) { change.isNews = true }
      guard buffer.gapCount <= gapLimit else { throw .tooManyGaps(stream) }
      change.isReadable =
        change.isNews && (buffer.readyBytes > ready || finalSize == buffer.contiguousEnd)
    case .discarding:
      change.isNews = change.isNews || change.receivedBytes > 0
      change.discardedBytes = discardToHighest()
      if finalSize != nil { state = .over }
    case .over:
      break
    }
    return change
  }

  mutating func receiveReset(
    finalSize size: UInt64,
    on stream: StreamID
  ) throws(SessionViolation) -> Change {
    var change = Change()
    if let finalSize, finalSize != size { throw .finalSizeConflict(stream) }
    if size < highest { throw .finalSizeConflict(stream) }
    guard size <= creditLimit else { throw .streamCreditExceeded(stream) }
    switch state {
    case .receiving:
      // Everything has arrived: the reader gets the whole stream, as if RESET had come later.
      if finalSize != nil, buffer.contiguousEnd == size { return change }
      change.wasReset = true
    case .discarding:
      break
    case .over:
      return change
    }
    change.isNews = true
    finalSize = size
    change.receivedBytes = raiseHighest(to: size)
    change.discardedBytes = discardToHighest()
    state = .over
    return change
  }

  // MARK: From above

  /// Reads up to `maximum` bytes.
  mutating func read(atMost maximum: Int) -> ReadResult {
    switch state {
    case .receiving:
      if let bytes = buffer.read(atMost: maximum) {
        consumed += UInt64(bytes.readableBytes)
        return .bytes(bytes)
      }
      guard finalSize == buffer.readOffset else { return .nothing }
      state = .over
      return .finished
    case .discarding, .over:
      return .nothing
    }
  }

  /// Stops reading.
  ///
  /// - Returns: The bytes to give session credit back for, and whether STOP has to be said; `nil`
  ///   when the direction was not being read any more.
  mutating func stop() -> (discardedBytes: UInt64, saysStop: Bool)? {
    switch state {
    case .receiving:
      let discarded = discardToHighest()
      state = finalSize == nil ? .discarding : .over
      return (discarded, finalSize == nil)
    case .discarding, .over:
      return nil
    }
  }

  /// Drops everything because the session ended; returns the bytes dropped.
  mutating func abandon() -> UInt64 {
    state = .over
    return discardToHighest()
  }

  mutating func announceCredit(_ limit: UInt64) {
    creditLimit = max(creditLimit, limit)
  }

  private mutating func raiseHighest(to end: UInt64) -> UInt64 {
    guard end > highest else { return 0 }
    defer { highest = end }
    return end - highest
  }

  private mutating func discardToHighest() -> UInt64 {
    buffer.discard()
    defer { consumed = highest }
    return highest - consumed
  }
}
