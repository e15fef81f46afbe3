import Foundation
import Testing

/// Faults of the network itself, between two machines of the test's own.
@Suite(
  .timeLimit(.minutes(10)),
  .enabled(
    if: PrivateNetwork.isAllowed,
    "network namespaces are not allowed here; they need root and the capability CAP_SYS_ADMIN"
  )
)
struct NetworkTests {
  @Test(arguments: TransportUnderTest.allCases)
  func `59 s in which every packet vanishes are survived with a grace of 70 s`(
    transport: TransportUnderTest
  ) async throws {
    try await withTransfer(transport, grace: "70s") { lab, network, transfer in
      let quiet = try network.server.inside {
        try transfer.server.client(patience: .seconds(90))
      }
      try quiet.exchange("before\n")
      try network.dropEverything()
      try quiet.write("during\n")
      letPass(.seconds(59))
      try network.heal()
      let from = ContinuousClock.now
      let answer = try quiet.read(exactly: 7)
      print("first byte \(ContinuousClock.now - from) after 59 s without a packet")
      #expect(String(decoding: answer, as: UTF8.self) == "during\n")
      try transfer.finish()
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a path that drops everything for longer than a link lives loses nothing`(
    transport: TransportUnderTest
  ) async throws {
    try await withTransfer(transport, grace: "60s") { lab, network, transfer in
      for outage in [Duration.seconds(3), .seconds(13)] {
        try network.dropEverything()
        letPass(outage)
        try network.heal()
        try transfer.receive(1 << 20)
      }
      try transfer.finish()
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `the provider's address goes and another comes amid a transfer`(
    transport: TransportUnderTest
  ) async throws {
    try await withTransfer(transport, grace: "60s") { lab, network, transfer in
      let other = "198.51.100.3"
      let before = try lab.links(of: transfer.server)
      #expect(before.allSatisfy { $0.address.hasPrefix("\(PrivateNetwork.providerAddress):") })
      try network.provider.addressOfCable("del", PrivateNetwork.providerAddress)
      letPass(.seconds(2))
      try network.provider.addressOfCable("add", other)
      let from = ContinuousClock.now
      try transfer.receive(1 << 20)
      print("a mebibyte more \(ContinuousClock.now - from) after the new address came")
      try wait(for: "the link coming from the new address") {
        try lab.links(of: transfer.server).last?.address.hasPrefix("\(other):") ?? false
      }
      #expect(try lab.resumes(of: transfer.server) >= 1)
      try transfer.finish()
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `two links at once, the old one back from the dead, repeat nothing`(
    transport: TransportUnderTest
  ) async throws {
    try await withTransfer(transport, grace: "60s") { lab, network, transfer in
      for round in 1...3 {
        let link = try #require(try lab.links(of: transfer.server).last)
        #expect(link.isSending, "the newest link is the last one and sends")
        let port = try #require(link.address.split(separator: ":").last.flatMap { Int($0) })
        // Only this connection is dead; the next one passes, and is there while TCP still tries.
        try network.drop(providerPort: port)
        try wait(for: "resumption \(round)") {
          try lab.resumes(of: transfer.server) >= round
        }
        try transfer.receive(500_000)
        try network.heal()
        // What the old link had under way arrives now, after it has been said again.
        try transfer.receive(500_000)
      }
      #expect(
        transfer.server.process.logText.contains("older-links=1"),
        "there never were two links at once"
      )
      try transfer.finish()
    }
  }

  /// Runs a test with a transfer of 8 MiB there and back, of which some has arrived.
  private func withTransfer(
    _ transport: TransportUnderTest,
    grace: String,
    _ body: @Sendable (Lab, PrivateNetwork, Transfer) throws -> Void
  ) async throws {
    try await withLab(transport, load: .patience) { lab in
      let network = try lab.privateNetwork()
      let target = lab.keep(try network.provider.inside { try .echo() })
      let (server, _) = try lab.tunnel(across: network, to: target.port, grace: grace)
      let client = try network.server.inside { try server.client(patience: .seconds(90)) }
      let transfer = Transfer(on: client, server: server, byteCount: 8 << 20)
      try transfer.receive(100_000)
      try body(lab, network, transfer)
    }
  }
}

/// A client that sends to an echo what it expects back, and reads it in portions of the test's
/// choosing, so that there is always something on the way.
private final class Transfer {
  let server: RunningServer
  private let client: PlainSocket
  private let seed = SeededNumbers.seed()
  private let bytes: [UInt8]
  private let sending: Background<Void>
  private var receivedCount = 0

  init(on client: PlainSocket, server: RunningServer, byteCount: Int) {
    self.client = client
    self.server = server
    let bytes = SeededBytes(seed: seed).prefix(byteCount)
    self.bytes = bytes
    sending = Background {
      try client.write(bytes)
      client.finishWriting()
    }
  }

  /// Takes so many bytes more, which have to be the next ones.
  func receive(_ count: Int) throws {
    let part = try client.read(exactly: count)
    try #require(part[...] == bytes[receivedCount..<(receivedCount + count)], "seed \(seed)")
    receivedCount += count
  }

  /// Takes the rest and the end.
  func finish() throws {
    try receive(bytes.count - receivedCount)
    #expect(try client.read() == .end, "seed \(seed)")
    try sending.value()
  }
}
