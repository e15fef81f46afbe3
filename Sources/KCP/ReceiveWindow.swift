internal import struct NIOCore.ByteBuffer

/// When what arrives is handed up.
package enum DeliveryOrder: Sendable {
  /// In the order of the sender, whole messages; for streams and for messages of several segments.
  case inOrder
  /// Each segment as it arrives; for records, which put themselves in order.
  case onArrival
}

/// Segments that have arrived, by number, and what is ready to be handed up.
///
/// In order, a segment counts as received when it is in here, and the window shrinks by what the
/// user leaves. On arrival it counts when the user has taken it, and until then its slot is held;
/// the window, which is counted from the lowest number that is not received, stays as it is.
/// Every operation is O(1), amortised.
struct ReceiveWindow {
  enum Verdict: Equatable {
    /// It is new.
    case accepted
    /// It was received before; its acknowledgement may have been lost.
    case duplicate
    /// It is here, and the user has not taken it: not to be acknowledged.
    case pending
    /// Beyond the window.
    case refused
  }

  /// Something that waits for the user to take it.
  struct Ready {
    var segment: Int
    var timestamp: UInt32
    var fragment: UInt8
    var payload: ByteBuffer
  }

  private enum Slot {
    case missing
    /// In order: here, with what it carries.
    case held(ByteBuffer, fragment: UInt8)
    /// On arrival: handed to the user's queue.
    case offered
    /// On arrival: taken by the user.
    case taken
  }

  let order: DeliveryOrder
  /// In segments.
  let size: Int
  /// `rcv_nxt`: everything below is received.
  private(set) var next: Int
  /// The number after the highest one that has arrived.
  private(set) var end: Int
  private var slots: [Slot] = Array(repeating: .missing, count: 16)
  private var ready = Ring<Ready>()
  /// On arrival: the first segment of all, and those that came before it.
  private let first: Int
  private var early: [Ready] = []
  private var isFirstOffered = false
  /// In order: ready segments that end a message.
  private var messageEnds = 0

  /// `first`: the number of the first segment.
  /// `size`: in segments, at least 1.
  init(first: Int, size: Int, order: DeliveryOrder) {
    self.first = first
    next = first
    end = first
    self.size = max(1, size)
    self.order = order
  }

  /// Free slots from ``next``, what `wnd` says; saturated to its 16 bits.
  var advertised: UInt16 {
    let free = order == .inOrder ? size - ready.count : size
    return UInt16(clamping: max(0, free))
  }

  /// Whether a number is missing below one that has arrived.
  var hasHole: Bool { end > next }

  /// Takes a segment that has arrived.
  mutating func insert(
    _ payload: ByteBuffer,
    fragment: UInt8,
    timestamp: UInt32,
    at number: Int
  ) -> Verdict {
    guard number < next + size else { return .refused }
    guard number >= next else { return .duplicate }
    while number - next >= slots.count { grow() }
    let index = number & (slots.count - 1)
    switch slots[index] {
    case .held, .taken: return .duplicate
    case .offered: return .pending
    case .missing: break
    }
    end = max(end, number + 1)
    switch order {
    case .onArrival:
      slots[index] = .offered
      offer(Ready(segment: number, timestamp: timestamp, fragment: fragment, payload: payload))
    case .inOrder:
      slots[index] = .held(payload, fragment: fragment)
      releaseInOrder()
    }
    return .accepted
  }

  /// The first record of all goes up before the others, so that it can be a greeting.
  private mutating func offer(_ arrival: Ready) {
    guard isFirstOffered || arrival.segment == first else {
      return early.append(arrival)
    }
    ready.append(arrival)
    guard arrival.segment == first else { return }
    isFirstOffered = true
    for arrival in early { ready.append(arrival) }
    early = []
  }

  /// On arrival: takes the oldest segment that the user has not taken, which is received now.
  mutating func takeArrival() -> Ready? {
    guard order == .onArrival, let arrival = ready.popFirst() else { return nil }
    slots[arrival.segment & (slots.count - 1)] = .taken
    while case .taken = slots[next & (slots.count - 1)] {
      slots[next & (slots.count - 1)] = .missing
      next += 1
    }
    return arrival
  }

  /// In order: takes the next whole message; segments become ready as it makes room.
  mutating func takeMessage() -> ByteBuffer? {
    guard order == .inOrder, messageEnds > 0, let first = ready.popFirst() else { return nil }
    var message = first.payload
    var fragment = first.fragment
    while fragment != 0, let part = ready.popFirst() {
      message.writeImmutableBuffer(part.payload)
      fragment = part.fragment
    }
    messageEnds -= 1
    releaseInOrder()
    return message
  }

  private mutating func releaseInOrder() {
    while ready.count < size,
      case .held(let payload, let fragment) = slots[next & (slots.count - 1)]
    {
      slots[next & (slots.count - 1)] = .missing
      ready.append(Ready(segment: next, timestamp: 0, fragment: fragment, payload: payload))
      if fragment == 0 { messageEnds += 1 }
      next += 1
    }
  }

  private mutating func grow() {
    var larger = [Slot](repeating: .missing, count: slots.count * 2)
    for number in next..<(next + slots.count) {
      larger[number & (larger.count - 1)] = slots[number & (slots.count - 1)]
    }
    slots = larger
  }
}
