internal import HawserHandshake
internal import HawserPrimitives
internal import HawserTransport
internal import NIOCore

/// What a provider learns of an attempt to get a link. Called on the event loop.
protocol DialAttemptOwner: AnyObject {
  /// The link is secured: what to say, or `nil` when the link is of no use any more.
  func hello(for attempt: DialAttempt, on link: any Link) -> Hello?
  /// The server let the link in. The owner gives it another user.
  func attempt(_ attempt: DialAttempt, welcomed welcome: Welcome, on link: any Link)
  /// The server said no; the link is closed.
  func attempt(_ attempt: DialAttempt, rejected rejection: Reject)
  /// There is no link, or it broke before the answer.
  func attempt(_ attempt: DialAttempt, failed reason: LinkFailure)
}

/// One attempt: dial, TLS, HELLO, answer. Confined to the loop.
///
///     dialling ──secured──▶ greeting ──WELCOME──▶ over (a `SessionHost` is the link's user then)
///        │                     └─────REJECT or nothing──▶ over
///        └── failed, or abandoned ──▶ over
final class DialAttempt: LinkUser {
  private enum State {
    case dialling
    case greeting(Hello, unsent: ByteBuffer?)
    case over
  }

  /// The epoch that HELLO carried; 1 for a new session.
  private(set) var epoch: AttachmentEpoch = 0
  /// Over what its HELLO was said, and when; `nil` before.
  var greeted: (transport: TransportKind, at: Instant)?
  private var state = State.dialling
  private weak var owner: (any DialAttemptOwner)?
  private var link: (any Link)?

  init(owner: any DialAttemptOwner) {
    self.owner = owner
  }

  /// The link that is being made; it is given up with ``abandon()``.
  func began(_ link: any Link) {
    if case .over = state { return }
    self.link = link
  }

  /// Whether the server may have seen HELLO: giving up now would take its word back.
  var hasGreeted: Bool {
    if case .greeting = state { true } else { false }
  }

  /// Gives the attempt up; the owner hears nothing more of it.
  func abandon() {
    state = .over
    link?.abort()
    link = nil
  }

  func linkReady(_ link: any Link) {
    guard case .dialling = state else { return link.abort() }
    guard let hello = owner?.hello(for: self, on: link) else { return fail(link, .closedHere) }
    if case .resume(_, let epoch, _) = hello.attachment { self.epoch = epoch } else { epoch = 1 }
    do throws(HandshakeError) {
      state = .greeting(hello, unsent: try hello.encoded())
      link.wake()
    } catch {
      state = .over
      link.abort()
      owner?.attempt(self, rejected: error.reject)
    }
  }

  func link(_ link: any Link, nextRecordInto buffer: inout ByteBuffer) -> RecordNumber? {
    guard case .greeting(let hello, var record?) = state else { return nil }
    state = .greeting(hello, unsent: nil)
    buffer.writeBuffer(&record)
    return .greeting
  }

  func link(_ link: any Link, received record: ByteBuffer) {
    guard case .greeting(let hello, _) = state else { return }
    state = .over
    self.link = nil
    do throws(HandshakeError) {
      switch try HandshakeAnswer(decoding: record) {
      case .welcome(let welcome):
        try welcome.check(against: hello)
        owner?.attempt(self, welcomed: welcome, on: link)
      case .reject(let rejection):
        link.close()
        owner?.attempt(self, rejected: rejection)
      }
    } catch {
      link.abort()
      owner?.attempt(self, rejected: error.reject)
    }
  }

  func link(_ link: any Link, delivered record: RecordNumber) {}
  func linkReadComplete(_ link: any Link) {}
  func link(_ link: any Link, takesRecordsOf bytes: Int) {}
  func link(_ link: any Link, became health: LinkHealth) {}
  func link(_ link: any Link, roundTrip: Duration) {}

  func linkClosed(_ link: any Link, reason: LinkFailure) {
    fail(link, reason)
  }

  private func fail(_ link: any Link, _ reason: LinkFailure) {
    if case .over = state { return }
    state = .over
    self.link = nil
    link.abort()
    owner?.attempt(self, failed: reason)
  }
}
