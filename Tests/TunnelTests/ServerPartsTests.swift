import HawserCryptography
import HawserHandshake
import HawserPrimitives
import HawserTunnel
import Testing

struct `The parking lot` {
  private let start = Instant.origin

  @Test func `gives as many places as there are`() throws {
    var lot = ParkingLot<String>(capacity: 2)
    let parked = lot.park("a", until: start + .seconds(30))
    let first = try #require(parked)
    #expect(lot.park("b", until: start + .seconds(30)) != nil)
    #expect(lot.park("c", until: start + .seconds(30)) == nil)
    #expect(lot.waiting == ["a", "b"])
    lot.leave(first)
    #expect(lot.park("c", until: start + .seconds(30)) != nil)
    #expect(lot.waiting == ["b", "c"])
  }

  @Test func `turns away who has waited too long, and nobody else`() {
    var lot = ParkingLot<String>(capacity: 9)
    _ = lot.park("early", until: start + .seconds(30))
    _ = lot.park("late", until: start + .seconds(31))
    #expect(lot.nextDeadline == start + .seconds(30))
    #expect(lot.takeExpired(at: start + .seconds(30) + .nanoseconds(-1)) == [])
    #expect(lot.takeExpired(at: start + .seconds(30)) == ["early"])
    #expect(lot.nextDeadline == start + .seconds(31))
    #expect(lot.count == 1)
  }

  @Test func `puts who comes back where his first wait had brought him`() {
    var lot = ParkingLot<String>(capacity: 9)
    _ = lot.park("b", until: start + .seconds(31))
    _ = lot.park("c", until: start + .seconds(32))
    _ = lot.park("a", until: start + .seconds(30))
    _ = lot.park("b2", until: start + .seconds(31))
    #expect(lot.waiting == ["a", "b", "b2", "c"])
    #expect(lot.nextDeadline == start + .seconds(30))
  }

  @Test func `frees the place of who leaves`() throws {
    var lot = ParkingLot<String>(capacity: 1)
    let parked = lot.park("a", until: start + .seconds(30))
    let ticket = try #require(parked)
    lot.leave(ticket)
    #expect(lot.nextDeadline == nil)
    #expect(lot.park("b", until: start + .seconds(35)) != nil)
    #expect(lot.nextDeadline == start + .seconds(35))
    lot.leave(ticket)
    #expect(lot.count == 1, "a ticket counts once")
  }
}

struct `The choice of a backend` {
  @Test func `never takes the most loaded of three`() {
    var random = SeededGenerator(seed: 3)
    var taken: Set<Int> = []
    for _ in 0..<200 {
      if let choice = BackendChoice.leastLoadedOfTwo(loads: [5, 1, 9], using: &random) {
        taken.insert(choice)
      }
    }
    #expect(taken == [0, 1])
  }

  @Test func `takes the only one, or none`() {
    var random = SeededGenerator(seed: 3)
    #expect(BackendChoice.leastLoadedOfTwo(loads: [99], using: &random) == 0)
    #expect(BackendChoice.leastLoadedOfTwo(loads: [], using: &random) == nil)
  }
}

struct `The count of clients` {
  @Test func `refuses the one that is too many, of the server, the entry or the user`() {
    let limits = ClientLimits(server: 4, entry: 3, user: 2)
    var counts = ClientCounts(limits: limits, descriptorBudget: 100)
    #expect(counts.admit(entry: "a", user: "ada") == nil)
    #expect(counts.admit(entry: "a", user: "ada") == nil)
    #expect(counts.admit(entry: "a", user: "ada") == .user)
    #expect(counts.admit(entry: "a", user: nil) == nil)
    #expect(counts.admit(entry: "a", user: "bob") == .entry)
    #expect(counts.admit(entry: "b", user: "bob") == nil)
    #expect(counts.admit(entry: "b", user: "bob") == .server)
    counts.leave(entry: "a", user: "ada")
    #expect(counts.admit(entry: "a", user: "ada") == nil)
    #expect(counts.total == 4)
  }

  @Test func `takes listeners from the budget of descriptors`() {
    var counts = ClientCounts(limits: ClientLimits(), descriptorBudget: 10)
    counts.listeners = 4
    for _ in 0..<5 { _ = counts.admit(entry: "a", user: nil) }
    #expect(!counts.isAtDescriptorLimit)
    counts.listeners = 5
    #expect(counts.isAtDescriptorLimit)
  }

  @Test func `pauses at the descriptor limit and resumes a little below`() {
    var counts = ClientCounts(limits: ClientLimits(), descriptorBudget: 100)
    for _ in 0..<100 { _ = counts.admit(entry: "a", user: nil) }
    #expect(counts.isAtDescriptorLimit)
    counts.leave(entry: "a", user: nil)
    #expect(!counts.isWellBelowDescriptorLimit)
    counts.leave(entry: "a", user: nil)
    #expect(counts.isWellBelowDescriptorLimit)
  }
}

struct `The registry of sessions` {
  private final class Member {}
  private typealias Registry = SessionRegistry<Member>

  @Test func `finds a session by id, owner and token until it is removed`() {
    var registry = Registry(endedCapacity: 2)
    let (member, id) = (Member(), Self.id(1))
    let owner = Registry.Owner(user: "ada", client: Self.id(9))
    registry.add(member, id: id, owner: owner, token: "t")
    #expect(registry[id] === member)
    #expect(registry.session(of: owner) === member)
    #expect(registry.sessions(ofToken: "t").count == 1)
    registry.remove(id, resumeSecret: .random(count: 32), reason: .graceExpired)
    #expect(registry[id] == nil)
    #expect(registry.session(of: owner) == nil)
    #expect(registry.sessions(ofToken: "t").isEmpty)
    #expect(registry.ended(id)?.reason == .graceExpired)
  }

  @Test func `keeps the successor when its predecessor is removed late`() {
    var registry = Registry(endedCapacity: 2)
    let owner = Registry.Owner(user: "ada", client: Self.id(9))
    let successor = Member()
    registry.add(Member(), id: Self.id(1), owner: owner, token: "t")
    registry.add(successor, id: Self.id(2), owner: owner, token: "t")
    registry.remove(Self.id(1), resumeSecret: .random(count: 32), reason: .replaced)
    #expect(registry.session(of: owner) === successor)
  }

  @Test func `does not take another user's client id for the same client`() {
    var registry = Registry(endedCapacity: 2)
    let client = Self.id(9)
    registry.add(
      Member(),
      id: Self.id(1),
      owner: .init(user: "ada", client: client),
      token: "t"
    )
    #expect(registry.session(of: .init(user: "eve", client: client)) == nil)
  }

  @Test func `forgets the oldest of those that ended`() {
    var registry = Registry(endedCapacity: 2)
    for number in 1...3 as ClosedRange<UInt64> {
      let owner = Registry.Owner(user: "ada", client: Self.id(number))
      registry.add(Member(), id: Self.id(number), owner: owner, token: "t")
      registry.remove(
        Self.id(number),
        resumeSecret: .random(count: 32),
        reason: .graceExpired
      )
    }
    #expect(registry.ended(Self.id(1)) == nil)
    #expect(registry.ended(Self.id(2)) != nil)
    #expect(registry.ended(Self.id(3)) != nil)
  }

  private static func id(_ seed: UInt64) -> RandomID {
    var generator = SeededGenerator(seed: seed)
    return RandomID(using: &generator)
  }
}
