package import HawserPrimitives

package import struct NIOCore.ByteBuffer

/// What a session tells the role above it, in the order in which it happened.
package enum SessionEvent: Hashable {
  /// The peer connected the stream to its target.
  case opened(StreamID)
  /// The peer asks for a stream; answer with `acceptOpen` or `abort`.
  case incoming(StreamID, OpenRequest)
  /// Bytes or the end can be read. Said once until `read` returns `.nothing` or `.finished`.
  case readable(StreamID)
  /// There is room again after `send` returned `false`.
  case writable(StreamID)
  /// The peer reads no more; what is sent from now on is dropped.
  case stopped(StreamID, StreamErrorCode)
  /// The peer's direction ended early and unread bytes are gone. `retryable`: the target saw none
  /// of the client's bytes, so another one may be tried.
  case reset(StreamID, StreamErrorCode, retryable: Bool)
  /// Both directions are over and acknowledged; the id is forgotten.
  case ended(StreamID)
  /// `open` was refused for lack of credit and may succeed now.
  case streamsAvailable
  /// The session is over: nothing is said or heard any more, and a `reset` was said before for
  /// every stream that it cut off. After a peer's graceful CLOSE those streams remain whose every
  /// byte has arrived: they can be read until their `ended`, or a `reset` if that takes too long.
  case closed(SessionEnd)
}

/// How a session ended.
package enum SessionEnd: Hashable {
  case closedByPeer(CloseCode, reason: String)
  case closedHere(CloseCode, reason: String)
  case graceExpired
}

extension SessionEnd: CustomStringConvertible {
  /// A sentence part for the log.
  package var description: String {
    switch self {
    case .closedByPeer(let code, let reason): Self.text("closed by the peer", code, reason)
    case .closedHere(let code, let reason): Self.text("closed here", code, reason)
    case .graceExpired: "grace expired"
    }
  }

  private static func text(_ who: String, _ code: CloseCode, _ reason: String) -> String {
    reason.isEmpty ? "\(who): \(code)" : "\(who): \(code), \(reason)"
  }
}

/// The answer to a `read`.
package enum ReadResult: Hashable {
  case bytes(ByteBuffer)
  /// The peer's direction ended after everything that was read.
  case finished
  /// Nothing now; `.readable` will say when.
  case nothing
}

/// Why a stream could not be opened.
package enum OpenRefusal: Error, Hashable {
  /// The peer granted no more streams; `.streamsAvailable` will say when to try again.
  case noStreamCredit
  /// The request is longer than an OPEN frame may be.
  case requestTooLong
  /// The session drains or is closed.
  case closing
}

/// How the peer broke the protocol; its session is closed with ``closeCode``.
package enum SessionViolation: Error, Hashable {
  case malformedFrame(FrameError)
  /// A frame names a stream that only this side could have opened, and did not.
  case unknownStream(StreamID)
  /// OPENED for, or OPEN of, a stream of the wrong side.
  case wrongSide(StreamID)
  /// OPEN said again with other contents.
  case openConflict(StreamID)
  case streamLimitExceeded(StreamID)
  case streamCreditExceeded(StreamID)
  case sessionCreditExceeded
  /// FIN or RESET with another final size, or data beyond it.
  case finalSizeConflict(StreamID)
  case tooManyGaps(StreamID)
  case controlStreamMisused
  case tooManyFrames

  package var closeCode: CloseCode {
    switch self {
    case .malformedFrame, .unknownStream, .wrongSide, .openConflict, .finalSizeConflict,
      .controlStreamMisused:
      .protocolViolation
    case .streamLimitExceeded, .streamCreditExceeded, .sessionCreditExceeded:
      .flowControlViolation
    case .tooManyGaps, .tooManyFrames:
      .flood
    }
  }
}

extension SessionViolation: CustomStringConvertible {
  /// A sentence for the log and for the reason of CLOSE.
  package var description: String {
    switch self {
    case .malformedFrame(let error): "a frame is malformed: \(error)"
    case .unknownStream(let id): "stream \(id) was never opened"
    case .wrongSide(let id): "stream \(id) belongs to the other side"
    case .openConflict(let id): "stream \(id) was opened again with other contents"
    case .streamLimitExceeded(let id): "stream \(id) is beyond the number of streams granted"
    case .streamCreditExceeded(let id): "stream \(id) got more bytes than its credit"
    case .sessionCreditExceeded: "more bytes than the session's credit"
    case .finalSizeConflict(let id): "stream \(id) has two final sizes"
    case .tooManyGaps(let id): "stream \(id) has too many holes"
    case .controlStreamMisused: "the control stream cannot be finished, stopped or reset"
    case .tooManyFrames: "too many frames that spend no credit"
    }
  }
}

/// A look at a session's accounts.
package struct SessionStatistics: Sendable, Hashable {
  /// Streams alive, the control stream not counted.
  package var streams = 0
  /// Bytes held until the peer has them, unsent ones included.
  package var retainedBytes = 0
  /// Bytes received, and not yet read.
  package var unreadBytes = 0
  /// Memory of reassembly behind holes and unread bytes.
  package var receiveMemory = 0
  /// Stream payload sent for the first time, and received without repetitions.
  package var bytesSent: UInt64 = 0
  package var bytesReceived: UInt64 = 0
  /// Credit given to this session's streams above the initial one, in bytes.
  package var growthBytes = 0
  /// When grace ends; `nil` while a link is attached.
  package var graceEnds: Instant?
}
