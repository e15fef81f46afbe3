import HawserPrimitives
import HawserTransport
import NIOCore
import Testing

struct `The table of handshakes` {
  private static let start = Instant(nanoseconds: 1_000_000_000)
  private static let late = start + .seconds(5)
  private let ada: PeerNetwork
  private let bob: PeerNetwork

  init() throws {
    ada = PeerNetwork(try SocketAddress(ipAddress: "192.0.2.1", port: 1))
    bob = PeerNetwork(try SocketAddress(ipAddress: "2001:db8::1", port: 1))
  }

  private static func table(total: Int = 9, perNetwork: Int = 9) -> HandshakeTable {
    HandshakeTable(total: total, perNetwork: perNetwork, protection: .seconds(1))
  }

  @Test func `counts an IPv6 network of 64 bits and an IPv4 address as one each`() throws {
    var table = Self.table(perNetwork: 1)
    let neighbour = PeerNetwork(try SocketAddress(ipAddress: "2001:db8::ffff", port: 1))
    let mapped = PeerNetwork(try SocketAddress(ipAddress: "::ffff:192.0.2.1", port: 1))
    let other = PeerNetwork(try SocketAddress(ipAddress: "192.0.2.2", port: 1))
    #expect(table.admit(LinkID(1), of: bob, at: Self.start) == .admitted)
    #expect(table.admit(LinkID(2), of: neighbour, at: Self.start) == .insteadOf(LinkID(1)))
    #expect(table.admit(LinkID(3), of: ada, at: Self.start) == .admitted)
    #expect(table.admit(LinkID(4), of: mapped, at: Self.start) == .insteadOf(LinkID(3)))
    #expect(table.admit(LinkID(5), of: other, at: Self.start) == .admitted)
  }

  @Test func `gives a newcomer the place of the oldest of its own network when that is full`() {
    var table = Self.table(perNetwork: 2)
    #expect(table.admit(LinkID(1), of: bob, at: Self.start) == .admitted)
    #expect(table.admit(LinkID(2), of: ada, at: Self.start) == .admitted)
    #expect(table.admit(LinkID(3), of: ada, at: Self.start) == .admitted)
    #expect(table.admit(LinkID(4), of: ada, at: Self.start) == .insteadOf(LinkID(2)))
    #expect(table.admit(LinkID(5), of: ada, at: Self.start) == .insteadOf(LinkID(3)))
    #expect(table.admit(LinkID(6), of: bob, at: Self.start) == .admitted)
  }

  @Test func `prefers who is furthest behind over who is oldest`() {
    var table = Self.table(total: 3)
    for link in 1...3 as ClosedRange<UInt64> {
      #expect(table.admit(LinkID(link), of: ada, at: Self.start) == .admitted)
    }
    table.advance(LinkID(1), to: .secured)
    table.advance(LinkID(2), to: .greeted)
    #expect(table.admit(LinkID(4), of: bob, at: Self.start) == .insteadOf(LinkID(3)))
    table.advance(LinkID(4), to: .secured)
    #expect(table.admit(LinkID(5), of: bob, at: Self.late) == .insteadOf(LinkID(2)))
    table.advance(LinkID(5), to: .secured)
    #expect(table.admit(LinkID(6), of: bob, at: Self.late + .seconds(5)) == .insteadOf(LinkID(1)))
  }

  @Test func `refuses a newcomer while everybody has got somewhere and is young`() {
    var table = Self.table(total: 1)
    #expect(table.admit(LinkID(1), of: ada, at: Self.start) == .admitted)
    table.advance(LinkID(1), to: .greeted)
    #expect(table.admit(LinkID(2), of: ada, at: Self.start + .milliseconds(999)) == .refused)
    #expect(table.admit(LinkID(3), of: ada, at: Self.start + .seconds(1)) == .insteadOf(LinkID(1)))
  }

  @Test func `has a place again when one is free`() {
    var table = Self.table(total: 1, perNetwork: 1)
    #expect(table.admit(LinkID(1), of: ada, at: Self.start) == .admitted)
    table.remove(LinkID(1))
    table.remove(LinkID(1))
    #expect(table.admit(LinkID(2), of: ada, at: Self.start) == .admitted)
    // The place of one that has lost it is not freed twice.
    table.remove(LinkID(1))
    #expect(table.admit(LinkID(3), of: ada, at: Self.start) == .insteadOf(LinkID(2)))
  }
}
