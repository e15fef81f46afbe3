internal import struct HawserPrimitives.Instant
internal import struct NIOCore.ByteBuffer

/// The last happenings of a run, and a digest of all of them.
///
/// Happenings are kept as numbers and only put into words when a run fails.
struct SimulationTrace {
  /// Happenings that a failure shows: enough to see what led to it, little enough to be read.
  static let length = 50

  private var recent: [Happening] = []
  private var oldest = 0

  /// FNV-1a over everything that happened: equal for equal runs.
  private(set) var fingerprint: UInt64 = 0xCBF2_9CE4_8422_2325

  /// Notes a happening; `first` and `second` mean what ``Happening/Verb/labels`` says.
  mutating func note(
    _ verb: Happening.Verb,
    _ party: Party,
    at: Instant,
    _ subject: UInt64 = 0,
    _ first: Int = 0,
    _ second: Int = 0
  ) {
    let happening = Happening(
      at: at,
      party: party,
      verb: verb,
      subject: subject,
      first: first,
      second: second
    )
    for word in happening.words { fold(word) }
    if recent.count < Self.length {
      recent.append(happening)
    } else {
      recent[oldest] = happening
      oldest = (oldest + 1) % Self.length
    }
  }

  /// Folds a record's length, beginning and end into the digest.
  mutating func fold(_ record: ByteBuffer) {
    fold(UInt64(record.readableBytes))
    if let head = record.getInteger(at: record.readerIndex, as: UInt64.self) { fold(head) }
    if let tail = record.getInteger(at: record.writerIndex - 8, as: UInt64.self) { fold(tail) }
  }

  /// The last happenings, the oldest first, one line each.
  var lines: [String] {
    (recent[oldest...] + recent[..<oldest]).map(\.description)
  }

  private mutating func fold(_ word: UInt64) {
    // Sequence arithmetic: the digest is defined modulo 2⁶⁴.
    fingerprint = (fingerprint ^ word) &* 0x100_0000_01B3
    fingerprint ^= fingerprint >> 29
  }
}

/// One thing that happened in a run.
struct Happening: CustomStringConvertible {
  /// What happened.
  enum Verb: UInt8 {
    case dials, attaches, detaches, cut, outage, resizes
    case departs, arrives, held, vanishes, reported
    case opens, refusedOpen, accepts, writes, blocked, finishes, resets, stops, aborts
    case reads, readsEnd, changesReading
    case sawIncoming, sawOpened, sawReadable, sawWritable, sawStopped, sawReset, sawEnded
    case sawStreamsAvailable, sawClosed
    case deadline, closes, drains

    /// What the numbers of the happening mean.
    var labels: (subject: String, first: String, second: String) {
      switch self {
      case .dials: ("link", "epoch", "")
      case .attaches: ("link", "epoch", "record size")
      case .detaches: ("link", "", "")
      case .cut: ("link", "", "")
      case .outage: ("", "milliseconds", "")
      case .resizes: ("link", "record size", "abandoned")
      case .departs: ("link", "number", "bytes")
      case .arrives, .held, .vanishes, .reported: ("link", "number", "")
      case .opens, .accepts, .finishes: ("stream", "", "")
      case .refusedOpen, .deadline: ("", "", "")
      case .writes, .reads: ("stream", "offset", "bytes")
      case .readsEnd: ("stream", "size", "")
      case .blocked: ("stream", "offset", "")
      case .resets, .stops, .aborts: ("stream", "code", "")
      case .changesReading: ("stream", "bytes at once", "")
      case .sawIncoming, .sawOpened, .sawReadable, .sawWritable, .sawEnded: ("stream", "", "")
      case .sawStopped, .sawReset: ("stream", "code", "")
      case .sawStreamsAvailable, .sawClosed: ("", "", "")
      case .closes, .drains: ("", "", "")
      }
    }
  }

  let at: Instant
  let party: Party
  let verb: Verb
  let subject: UInt64
  let first: Int
  let second: Int

  fileprivate var words: [UInt64] {
    [
      UInt64(bitPattern: at.nanoseconds), UInt64(party.rawValue) << 8 | UInt64(verb.rawValue),
      subject, UInt64(bitPattern: Int64(first)), UInt64(bitPattern: Int64(second)),
    ]
  }

  var description: String {
    let microseconds = at.nanoseconds / 1000
    let fraction = String(microseconds % 1_000_000 + 1_000_000).dropFirst()
    var text = "\(microseconds / 1_000_000).\(fraction)s \(party) \(verb)"
    let labels = verb.labels
    if !labels.subject.isEmpty { text += " \(labels.subject) \(subject)" }
    if !labels.first.isEmpty { text += " \(labels.first) \(first)" }
    if !labels.second.isEmpty { text += " \(labels.second) \(second)" }
    return text
  }
}
