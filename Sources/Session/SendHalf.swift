import HawserPrimitives

import struct NIOCore.ByteBuffer

/// The sending direction of one stream.
///
///     sending ──finish──▶ finishing ──all acknowledged──▶ over
///        │                    │                            ▲
///        └──────reset─────────┴──▶ resetting ──acknowledged┘
struct SendHalf {
  private enum State {
    case sending
    /// FIN follows the last byte.
    case finishing
    case resetting(ResetFact)
    case over
  }

  /// What RESET says.
  struct ResetFact: Hashable {
    var code: StreamErrorCode
    var finalSize: UInt64
    var retryable: Bool
  }

  /// The bytes of one DATA frame.
  struct Piece: Hashable {
    var range: Range<UInt64>
    var fin: Bool
  }

  private var state = State.sending
  private var buffer = SendBuffer()
  private var finSent = false
  private var finLost = false
  private var finAcknowledged = false

  /// The first offset that the peer has not granted.
  private(set) var creditLimit: UInt64

  init(creditLimit: UInt64) {
    self.creditLimit = creditLimit
  }

  // MARK: From above

  /// Whether `write` still takes bytes.
  var isOpen: Bool {
    if case .sending = state { true } else { false }
  }

  var isOver: Bool {
    if case .over = state { true } else { false }
  }

  var retainedBytes: Int { buffer.retainedBytes }
  var unsentBytes: Int { buffer.unsentBytes }

  mutating func write(_ bytes: ByteBuffer) {
    guard isOpen else { return }
    buffer.append(bytes)
  }

  mutating func finish() {
    guard isOpen else { return }
    state = .finishing
  }

  /// Gives up the direction at what was sent so far.
  ///
  /// - Returns: Whether RESET is now to be said; not when everything is over anyway.
  mutating func reset(_ code: StreamErrorCode, retryable: Bool) -> Bool {
    switch state {
    case .sending, .finishing:
      buffer.discard()
      state = .resetting(
        ResetFact(code: code, finalSize: buffer.next, retryable: retryable)
      )
      return true
    case .resetting, .over:
      return false
    }
  }

  // MARK: Towards the link

  /// What RESET has to say, if the direction was reset.
  var resetFact: ResetFact? {
    if case .resetting(let fact) = state { fact } else { nil }
  }

  /// Whether there is something that was sent before and has to be said again.
  var hasLost: Bool {
    switch state {
    case .sending: buffer.hasLost
    case .finishing: buffer.hasLost || finLost
    case .resetting, .over: false
    }
  }

  /// Whether a DATA frame could be sent, were it not for the session's credit.
  var wantsToSend: Bool { nextPiece(atMost: 1, newBytes: .max) != nil }

  /// What the next DATA frame carries.
  ///
  /// - Parameters:
  ///   - maximum: The most bytes, greater than 0.
  ///   - newBytes: How many bytes may be sent for the first time.
  /// - Returns: `nil` when nothing can be sent now.
  func nextPiece(atMost maximum: Int, newBytes: UInt64) -> Piece? {
    let mayFinish: Bool
    switch state {
    case .sending: mayFinish = false
    case .finishing: mayFinish = true
    case .resetting, .over: return nil
    }
    let limit = min(creditLimit, buffer.next + min(newBytes, VariableLengthInteger.maximum))
    if let range = buffer.nextRange(atMost: maximum, below: limit) {
      let fin = mayFinish && range.upperBound == buffer.end && (!finSent || finLost)
      return Piece(range: range, fin: fin)
    }
    guard mayFinish, buffer.next == buffer.end, !finSent || finLost else { return nil }
    return Piece(range: buffer.end..<buffer.end, fin: true)
  }

  /// Appends the bytes of `piece` to `record` and counts them as in flight.
  ///
  /// - Returns: How many of them were sent for the first time.
  mutating func send(_ piece: Piece, into record: inout ByteBuffer) -> UInt64 {
    let before = buffer.next
    buffer.send(piece.range, into: &record)
    if piece.fin {
      finSent = true
      finLost = false
    }
    return buffer.next - before
  }

  /// The peer has `piece`.
  mutating func acknowledge(_ piece: Piece) {
    switch state {
    case .sending, .finishing: break
    case .resetting, .over: return
    }
    buffer.acknowledge(piece.range)
    if piece.fin { finAcknowledged = true }
    if finAcknowledged, buffer.retainedBytes == 0 { state = .over }
  }

  /// The link that carried `piece` will not deliver it.
  mutating func lose(_ piece: Piece) {
    switch state {
    case .sending, .finishing: break
    case .resetting, .over: return
    }
    buffer.lose(piece.range)
    if piece.fin, !finAcknowledged { finLost = true }
  }

  /// Forgets everything, because nobody listens any more.
  mutating func abandon() {
    buffer.discard()
    state = .over
  }

  mutating func resetAcknowledged() {
    if case .resetting = state { state = .over }
  }

  /// The peer grants bytes below `limit`.
  ///
  /// - Returns: Whether that is more than before.
  mutating func raiseCredit(to limit: UInt64) -> Bool {
    guard limit > creditLimit else { return false }
    creditLimit = limit
    return true
  }
}
