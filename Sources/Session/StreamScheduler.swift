import DequeModule
import HawserPrimitives

/// Whose bytes go next: deficit round robin (Shreedhar and Varghese, 1995), with the streams that
/// have been quiet served first, as FQ-CoDel does it (RFC 8290 §4.2).
///
///     activate ──▶ fresh ──quantum used, or nothing left──▶ queued ──nothing left──▶ (gone)
///
/// A stream that had nothing to send for a whole round is fresh again when it has, and so
/// overtakes bulk; it can use that for one quantum at most.
struct StreamScheduler {
  private struct Place {
    var stream: StreamID
    /// Bytes that the stream may still send in this round; negative when it overdrew.
    var deficit: Int
  }

  private var fresh: Deque<Place> = []
  private var queued: Deque<Place> = []
  private var known: Set<StreamID> = []

  var isEmpty: Bool { known.isEmpty }

  /// The stream has something to send.
  ///
  /// - Parameters:
  ///   - stream: Taken once, however often it is activated.
  ///   - quantum: Bytes per round, greater than 0: the size of a record.
  ///   - isBulk: Whether to take its turn behind the others although it is new.
  mutating func activate(_ stream: StreamID, quantum: Int, isBulk: Bool = false) {
    guard known.insert(stream).inserted else { return }
    let place = Place(stream: stream, deficit: quantum)
    if isBulk { queued.append(place) } else { fresh.append(place) }
  }

  /// The stream whose turn it is, and the bytes it may send before the next one has its turn.
  mutating func next(quantum: Int) -> (stream: StreamID, allowance: Int)? {
    while true {
      if let place = fresh.first {
        if place.deficit > 0 { return (place.stream, place.deficit) }
        fresh.removeFirst()
        queued.append(Place(stream: place.stream, deficit: place.deficit + quantum))
      } else if let place = queued.first {
        if place.deficit > 0 { return (place.stream, place.deficit) }
        queued.removeFirst()
        queued.append(Place(stream: place.stream, deficit: place.deficit + quantum))
      } else {
        return nil
      }
    }
  }

  /// The stream whose turn it is sent `bytes`.
  mutating func charge(_ bytes: Int) {
    if !fresh.isEmpty {
      fresh[fresh.startIndex].deficit -= bytes
    } else if !queued.isEmpty {
      queued[queued.startIndex].deficit -= bytes
    }
  }

  /// The stream whose turn it is has nothing to send.
  mutating func yield() {
    if let place = fresh.popFirst() {
      // Through the round of the others once, or it could come back fresh without end.
      if queued.isEmpty { known.remove(place.stream) } else { queued.append(place) }
    } else if let place = queued.popFirst() {
      known.remove(place.stream)
    }
  }

  mutating func removeAll() {
    fresh.removeAll()
    queued.removeAll()
    known.removeAll()
  }
}
