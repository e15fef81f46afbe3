import Foundation
import Testing

/// Many at once, many after each other, and those who take without giving.
@Suite(.timeLimit(.minutes(10))) struct LoadTests {
  @Test(arguments: TransportUnderTest.allCases)
  func `10,000 clients in turn leave no descriptor and no memory behind`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      // The first thousand warm up what is kept for the next ones.
      try Self.serve(0..<1000, at: server.publicPort)
      let warm = try lab.levelsAtRest(server, provider)
      // Three of them at a time, each gone before its successor comes.
      let port = server.publicPort
      let rows = (0..<3).map { row in
        Background { try Self.serve((1000 + 3000 * row)..<(4000 + 3000 * row), at: port) }
      }
      for row in rows { try row.value(within: .seconds(200)) }
      let after = try lab.levelsAtRest(server, provider, noMoreDescriptorsThan: warm)
      print("after 1,000 clients: \(warm); after 10,000: \(after)")
      // A leak of one kilobyte for each client would show.
      after.expectNoMoreMemory(than: warm, bytesAbove: 8 << 20)
      let totals = try #require(try lab.status(of: server)["totals"] as? [String: Any])
      #expect(totals["clients"] as? Int == 10_000)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `500 clients who leave without a word, politely or not, leave nothing behind`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      try server.client().exchange("warm\n")
      let before = try lab.levelsAtRest(server, provider)
      for round in 0..<5 {
        let clients = try (0..<100).map { _ in try server.client() }
        for (index, client) in clients.enumerated() {
          if index % 2 == 0 { client.close() } else { client.reset() }
        }
        try server.client().exchange("round \(round)\n")
      }
      let after = try lab.levelsAtRest(server, provider, noMoreDescriptorsThan: before)
      print("before: \(before); after: \(after)")
      #expect(target.openCount == 0)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `500 clients that stop reading cost little, and one goes on at full speed`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let piece = [UInt8](repeating: 7, count: 65_536)
      // Sends without end; what it has sent is known by what the tunnel has taken.
      let target = lab.keep(
        try TargetServer { connection in
          connection.limitSendBuffer()
          _ = try connection.read(exactly: 1)
          while true { try connection.write(piece) }
        }
      )
      let server = try lab.server()
      let provider = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      func download() throws -> Duration {
        let client = try server.client()
        try client.write("x")
        let from = ContinuousClock.now
        for _ in 0..<256 { _ = try client.read(exactly: 65_536) }
        let time = ContinuousClock.now - from
        client.close()
        return time
      }
      let alone = try download()
      let before = try server.process.residentBytes()
      let providerBefore = try provider.residentBytes()
      let count = 500
      let stalled = try (0..<count).map { _ in try server.client() }
      for client in stalled { try client.write("x") }
      for client in stalled { _ = try client.read(exactly: 1) }
      var taken = -1
      try wait(for: "the stalled streams standing still", within: .seconds(60)) {
        let last = taken
        letPass(.milliseconds(300))
        taken = try lab.session(of: server)["bytesReceived"] as? Int ?? 0
        return taken == last
      }
      let beside = try download()
      let growth = try server.process.residentBytes() - before
      let providerGrowth = try provider.residentBytes() - providerBefore
      let each = (taken - (16 << 20)) / count
      print(
        """
        16 MiB alone in \(alone), beside \(count) clients that do not read in \(beside); they took \
        \(each >> 10) KiB each and cost the server \(growth >> 20) MiB, the provider \
        \(providerGrowth >> 20) MiB
        """
      )
      // What is taken for somebody who does not read: the kernel's buffers on the way to him, 256
      // KiB unsent on our side and 128 KiB on his, the socket's queue and one read.
      #expect(each < 768 << 10)
      // Of that the server has the queue and one read, 192 KiB; the provider has the first credit
      // and what is unsent, 320 KiB; with a factor of two and a half for the allocator.
      #expect(growth < count * (480 << 10))
      #expect(providerGrowth < count * (800 << 10))
      // 500 streams that ask for nothing must not slow the one that does; the factor is for a busy
      // machine.
      #expect(beside < alone * 10 + .seconds(2))
      withExtendedLifetime(stalled) {}
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a server out of descriptors serves whom it has, without spinning, and then the others`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server(under: Self.withDescriptors(160))
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let crowd = Crowd(try (0..<200).map { _ in try server.client() })
      var count = -1
      try wait(for: "as many being served as there is room for") {
        let last = count
        letPass(.seconds(1))
        count = crowd.collect()
        return count > 0 && count == last
      }
      #expect(count > 50 && count < 160, "\(count)")
      // Another provider is let in, for descriptors are kept for links.
      let second = try lab.provider(
        join: server.joinURL(),
        target: "127.0.0.1:\(target.port)",
        name: "second"
      )
      #expect(second.isRunning)

      let cpuBefore = try server.process.cpuTime()
      letPass(.seconds(2))
      let cpu = try server.process.cpuTime() - cpuBefore
      print("\(count) of 200 clients served with 160 descriptors, \(cpu) of CPU in 2 s of that")
      #expect(cpu < .seconds(1), "it spins")
      let complaints = server.process.logText.split(separator: "\n").count {
        $0.contains("descriptor limit reached")
      }
      #expect((1...3).contains(complaints), "\(complaints) lines about descriptors")

      // Who waits in the kernel's queue is served as others leave.
      try wait(for: "everybody being served", within: .seconds(60)) {
        crowd.dismissAnswered()
        return crowd.collect() == 200
      }
      #expect(crowd.turnedAway == 0)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a provider out of descriptors refuses some clients and keeps the others`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      let provider = try lab.provider(
        join: server.joinURL(),
        target: "127.0.0.1:\(target.port)",
        under: Self.withDescriptors(64)
      )
      let clients = try (0..<100).map { _ in try server.client() }
      var kept: [PlainSocket] = []
      for (index, client) in clients.enumerated() {
        let own = "client \(index)\n"
        try? client.write(own)
        if (try? client.read(exactly: own.utf8.count)) == Array(own.utf8) { kept.append(client) }
      }
      print("\(kept.count) of 100 clients served by a provider with 64 descriptors")
      #expect(kept.count >= 20 && kept.count < 64)
      #expect(provider.isRunning)
      for client in kept { try client.exchange("still here\n") }
      for client in clients { client.close() }
      try wait(for: "a client being served again") {
        let client = try server.client()
        try? client.write("again\n")
        return (try? client.read(exactly: 6)) == Array("again\n".utf8)
      }
    }
  }

  /// One client after the other.
  private static func serve(_ range: Range<Int>, at port: Int) throws {
    for number in range {
      let client = try PlainSocket(port: port)
      try client.exchange("client \(number)\n")
      client.close()
    }
  }

  /// What starts a program that may have so many descriptors.
  private static func withDescriptors(_ count: Int) -> [String] {
    ["sh", "-c", "ulimit -n \(count); exec \"$0\" \"$@\""]
  }
}

/// Clients of an echo who have said who they are, and wait for their own words.
private final class Crowd {
  private let clients: [PlainSocket]
  private var answered: [Int: Bool] = [:]

  init(_ clients: [PlainSocket]) {
    self.clients = clients
    // One that is turned away already learns it when it reads.
    for (index, client) in clients.enumerated() { try? client.write(Self.words(of: index)) }
  }

  /// Clients that got something else than their own words, such as a reset.
  var turnedAway: Int { answered.values.count { !$0 } }

  /// Takes the answers that have come; how many there have been so far.
  func collect() -> Int {
    for (index, client) in clients.enumerated() where answered[index] == nil && client.hasInput {
      let words = Self.words(of: index)
      answered[index] = (try? client.read(exactly: words.utf8.count)) == Array(words.utf8)
    }
    return answered.count
  }

  /// Closes the connections of those who were answered.
  func dismissAnswered() {
    for index in answered.keys { clients[index].close() }
  }

  private static func words(of index: Int) -> String { "client \(index)\n" }
}
