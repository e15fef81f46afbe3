package import struct HawserPrimitives.Instant

/// The virtual clock: what is to happen, in the order of time, and in the order of scheduling where
/// the time is the same.
package struct EventQueue<Event> {
  private struct Entry {
    let at: Instant
    let order: UInt64
    let event: Event

    func precedes(_ other: Entry) -> Bool {
      at == other.at ? order < other.order : at < other.at
    }
  }

  /// A binary heap: the parent of `i` is `(i - 1) / 2`.
  private var heap: [Entry] = []
  private var scheduled: UInt64 = 0

  package init() {}

  /// The time of the earliest event.
  package var next: Instant? { heap.first?.at }

  /// The number of events that wait.
  package var count: Int { heap.count }

  /// Adds an event. O(log n).
  package mutating func schedule(_ event: Event, at: Instant) {
    heap.append(Entry(at: at, order: scheduled, event: event))
    scheduled += 1
    var child = heap.count - 1
    while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Takes the earliest event. O(log n).
  package mutating func pop() -> (at: Instant, event: Event)? {
    guard let first = heap.first else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].precedes(heap[least]) { least = child }
      }
      if least == parent { break }
      heap.swapAt(parent, least)
      parent = least
    }
    return (first.at, first.event)
  }
}
