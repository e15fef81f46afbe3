internal import HawserPrimitives
internal import HawserSession

/// What the two applications did with one stream, and hence what each may be told of it.
struct StreamLedger {
  /// A direction's account: what its sender handed over and what its reader was given.
  struct Direction {
    /// Bytes handed to the session.
    var sent: UInt64 = 0
    var isFinished = false
    /// Codes with which the sender may end the direction early, and whether retryable.
    var resets: Set<ResetReason> = []
    /// The sender heard that nobody reads; what it sends from then on is dropped.
    var isStopped = false
    /// Codes with which the reader may say so.
    var stops: Set<StreamErrorCode> = []

    /// Bytes given to the reader.
    var read: UInt64 = 0
    var readEnd: ReadEnd?

    /// Whether the sending application can still write.
    var isOpen: Bool { !isFinished && resets.isEmpty && !isStopped }
  }

  struct ResetReason: Hashable {
    let code: StreamErrorCode
    let retryable: Bool
  }

  /// How the reader's side of a direction came to its end.
  enum ReadEnd {
    case finished
    case reset
    case stopped
  }

  /// What one party knows of the stream.
  struct View {
    /// It opened the stream, or was told of it.
    var knows = false
    var hasEnded = false
    var hasAccepted = false
    var wasToldOpened = false
    /// `send` said no; `.writable` is due.
    var isBlocked = false
    /// Bytes that the application still wants to write.
    var wanted = 0
    /// The application finishes when it has written them.
    var finishesThen = false
    var reading = Reading.eager
    /// `.readable` was said, and reading has not come to nothing since.
    var hasUnread = false
    /// A slow reader's next turn is in the queue.
    var isTurnScheduled = false
  }

  /// The habit of a reading application.
  enum Reading: Hashable {
    case eager
    /// So many bytes at a time.
    case slow(Int)
    case never
  }

  let id: StreamID
  let opener: Party
  let request: OpenRequest
  private var directions = [Direction(), Direction()]
  private var views = [View(), View()]

  init(id: StreamID, opener: Party, request: OpenRequest) {
    self.id = id
    self.opener = opener
    self.request = request
    self[of: opener].knows = true
  }

  /// The direction in which `sender` sends.
  subscript(from sender: Party) -> Direction {
    get { directions[sender.rawValue] }
    _modify { yield &directions[sender.rawValue] }
  }

  /// What `party` knows.
  subscript(of party: Party) -> View {
    get { views[party.rawValue] }
    _modify { yield &views[party.rawValue] }
  }

  /// Whether somebody reads what `writer` writes, and may do so to the end.
  func isRead(from writer: Party) -> Bool {
    let direction = self[from: writer]
    return self[of: writer.other].reading != .never && direction.readEnd == nil
      && direction.resets.isEmpty && !direction.isStopped
  }

  /// Whether everything that `writer` wanted to write was read.
  func hasArrived(from writer: Party) -> Bool {
    self[of: writer].wanted == 0 && self[from: writer].read == self[from: writer].sent
  }
}
