/// A first-in, first-out queue in an array that is used round and round; both ends are O(1).
struct Ring<Element> {
  private var slots: [Element?] = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  var first: Element? { count == 0 ? nil : slots[head] }

  /// The element that came `index` places after the first one.
  subscript(index: Int) -> Element? {
    index >= 0 && index < count ? slots[(head + index) & (slots.count - 1)] : nil
  }

  /// The newest element.
  var last: Element? {
    get { self[count - 1] }
    set {
      guard count > 0 else { return }
      slots[(head + count - 1) & (slots.count - 1)] = newValue
    }
  }

  /// Changes the element at `index` in place, if there is one.
  mutating func update(_ index: Int, _ change: (inout Element) -> Void) {
    guard index >= 0, index < count else { return }
    let place = (head + index) & (slots.count - 1)
    guard var element = slots[place].take() else { return }
    change(&element)
    slots[place] = element
  }

  /// O(1) amortised.
  mutating func append(_ element: Element) {
    if count == slots.count { grow() }
    slots[(head + count) & (slots.count - 1)] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head].take()
    head = (head + 1) & (slots.count - 1)
    count -= 1
    return element
  }

  mutating func removeAll() {
    slots = []
    head = 0
    count = 0
  }

  private mutating func grow() {
    var larger = [Element?](repeating: nil, count: max(8, slots.count * 2))
    for index in 0..<count { larger[index] = slots[(head + index) & (slots.count - 1)] }
    slots = larger
    head = 0
  }
}
