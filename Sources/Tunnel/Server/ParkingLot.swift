internal import DequeModule
package import HawserPrimitives

/// Clients that wait for a provider, in the order in which they came. Pure: time comes in.
///
/// The number is limited and so is each one's wait; no bytes are read from those who wait, so
/// their memory is limited too.
package struct ParkingLot<Client> {
  /// Names a place that was given out; never given twice.
  package struct Ticket: Hashable, Sendable {
    fileprivate var number: UInt64
  }

  private struct Place {
    var ticket: Ticket
    var deadline: Instant
  }

  private let capacity: Int
  private var queue: Deque<Place> = []
  private var clients: [Ticket: Client] = [:]
  private var issued: UInt64 = 0

  /// - Parameter capacity: Clients that may wait at once.
  package init(capacity: Int) {
    self.capacity = capacity
  }

  /// Clients that wait.
  package var count: Int { clients.count }

  /// When the first one has waited for too long.
  package var nextDeadline: Instant? { queue.first?.deadline }

  /// Lets a client wait, before all whose time ends later.
  ///
  /// - Parameters:
  ///   - client: Who waits.
  ///   - deadline: When it has waited for too long.
  /// - Returns: The client's ticket, or `nil` when the lot is full.
  package mutating func park(_ client: Client, until deadline: Instant) -> Ticket? {
    guard clients.count < capacity else { return nil }
    issued += 1
    let ticket = Ticket(number: issued)
    clients[ticket] = client
    // Nearly always the last: only who was parked before comes with an earlier deadline.
    let index = queue.lastIndex { $0.deadline <= deadline }.map { $0 + 1 } ?? 0
    queue.insert(Place(ticket: ticket, deadline: deadline), at: index)
    return ticket
  }

  /// Removes a client that left by itself.
  package mutating func leave(_ ticket: Ticket) {
    clients[ticket] = nil
    dropVacantPlaces()
  }

  /// Those who wait, in the order of their deadlines. O(n).
  package var waiting: [Client] { queue.compactMap { clients[$0.ticket] } }

  /// Removes and returns those who have waited for too long.
  package mutating func takeExpired(at now: Instant) -> [Client] {
    var expired: [Client] = []
    while let place = queue.first, place.deadline <= now {
      queue.removeFirst()
      if let client = clients.removeValue(forKey: place.ticket) { expired.append(client) }
    }
    dropVacantPlaces()
    return expired
  }

  /// Keeps the first place occupied, so that ``nextDeadline`` is somebody's.
  private mutating func dropVacantPlaces() {
    while let place = queue.first, clients[place.ticket] == nil { queue.removeFirst() }
    if queue.count > 2 * capacity { queue.removeAll { clients[$0.ticket] == nil } }
  }
}
