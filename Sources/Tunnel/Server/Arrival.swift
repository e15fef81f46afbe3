internal import HawserHandshake
internal import HawserPrimitives
internal import HawserTransport
internal import Logging
internal import NIOCore

/// A link between TLS and session: waits for HELLO, and carries REJECT. Confined to the loop.
///
///     awaiting HELLO ──▶ deciding ──▶ attached (a `SessionHost` is the link's user then)
///           │                └──────▶ refused: REJECT, close
///           └── anything else, or too late: closed
final class Arrival: LinkUser {
  private enum State {
    case awaitingHello
    case deciding
    case refused(ByteBuffer?)
    case gone
  }

  let logger: Logger
  private var state = State.awaitingHello
  private let decide: (Arrival, any Link, ByteBuffer) -> Void

  /// - Parameters:
  ///   - logger: The server's.
  ///   - decide: Called with HELLO's record; answers with ``reject(_:on:)`` or by attaching the
  ///     link to a session, at once or later.
  init(logger: Logger, decide: @escaping (Arrival, any Link, ByteBuffer) -> Void) {
    self.logger = logger
    self.decide = decide
  }

  /// Whether the link still waits for an answer.
  var isWaiting: Bool {
    if case .deciding = state { true } else { false }
  }

  /// Sends REJECT and closes the link.
  func reject(_ refusal: Reject, on link: any Link) {
    guard isWaiting else { return }
    do {
      state = .refused(try refusal.encoded())
      link.close()
    } catch {
      logger.error("REJECT not sent", metadata: ["reason": "\(error)"])
      link.abort()
    }
  }

  func linkReady(_ link: any Link) {}

  func link(_ link: any Link, received record: ByteBuffer) {
    switch state {
    case .awaitingHello:
      state = .deciding
      decide(self, link, record)
    case .deciding:
      logger.notice("peer spoke before WELCOME", metadata: ["address": "\(link.peerAddress)"])
      state = .gone
      link.abort()
    case .refused, .gone:
      break
    }
  }

  func link(_ link: any Link, nextRecordInto buffer: inout ByteBuffer) -> RecordNumber? {
    guard case .refused(var record?) = state else { return nil }
    state = .refused(nil)
    buffer.writeBuffer(&record)
    return .greeting
  }

  func link(_ link: any Link, delivered record: RecordNumber) {}
  func linkReadComplete(_ link: any Link) {}
  func link(_ link: any Link, takesRecordsOf bytes: Int) {}
  func link(_ link: any Link, became health: LinkHealth) {}
  func link(_ link: any Link, roundTrip: Duration) {}

  func linkClosed(_ link: any Link, reason: LinkFailure) {
    if case .awaitingHello = state {
      logger.debug(
        "link closed before HELLO",
        metadata: ["address": "\(link.peerAddress)", "reason": "\(reason)"]
      )
    }
    state = .gone
  }
}
