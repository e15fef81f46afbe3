import HawserCryptography
import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `A handshake packet` {
  private let initial: ByteBuffer
  private let response: ByteBuffer
  private let retry: ByteBuffer

  init() throws {
    var listening = ListenerConfiguration()
    listening.handshakeBurst = 1
    listening.handshakesPerSecond = 0
    let pair = try Pair(listening: listening)
    initial = try #require(pair.transmissions().first).bytes
    pair.deliverToServer(initial, from: pair.client)
    response = try #require(answersOfListener(pair).first).bytes
    let other = try #require(try Pair(seed: 2).transmissions().first).bytes
    pair.deliverToServer(other, from: pair.client)
    retry = try #require(answersOfListener(pair).first).bytes
  }

  @Test func `has the layout of its type`() throws {
    let first = try InitialPacket(decoding: initial)
    #expect(initial.getInteger(at: 0, as: UInt32.self) == 0x1100_0000)
    #expect(initial.getInteger(at: 4, as: UInt64.self) == first.source.rawValue)
    #expect(first.noiseMessage.readableBytes == 1200 - 12 - 32)
    #expect(first.mac2 == .zero)

    let second = try ResponsePacket(decoding: response)
    #expect(response.getInteger(at: 0, as: UInt32.self) == 0x2100_0000)
    #expect(second.destination == first.source)
    #expect(response.getInteger(at: 12, as: UInt64.self) == second.source.rawValue)
    #expect(ConnectionID.destination(of: response) == first.source)

    let third = try RetryPacket(decoding: retry)
    #expect(retry.getInteger(at: 0, as: UInt32.self) == 0x3100_0000)
    #expect(retry.readableBytes == 68)
    #expect(third.nonce.count == 24 && third.sealedCookie.count == 32)
    #expect(third.encoded() == retry)
    #expect(ConnectionID.destination(of: retry) == third.destination)
    #expect(ConnectionID.destination(of: initial) == nil)
  }

  @Test func `of another length is refused`() {
    for count in [0, 1, 3, 4, 12, 43, 44, 1199, 1501, 2000, 65_507] {
      var bytes = ByteBuffer(repeating: 0, count: count)
      if count > 0 { bytes.setInteger(UInt8(0x11), at: 0) }
      #expect(throws: DatagramError.wrongLength(count)) { try InitialPacket(decoding: bytes) }
    }
    for count in [0, 1, 20, 35, 1201] {
      #expect(throws: DatagramError.wrongLength(count)) {
        try ResponsePacket(decoding: ByteBuffer(repeating: 0, count: count))
      }
    }
    for count in [0, 1, 67, 69] {
      #expect(throws: DatagramError.wrongLength(count)) {
        try RetryPacket(decoding: ByteBuffer(repeating: 0, count: count))
      }
    }
  }

  @Test func `of another type, another version or with reserved bits is refused`() {
    for (first, error) in [
      (UInt8(0x21), DatagramError.unexpectedType), (0x80, .unexpectedType),
      (0x12, .unknownType(0x12)), (0x10, .unknownType(0x10)), (0, .unknownType(0)),
    ] {
      var packet = initial
      packet.setInteger(first, at: 0)
      #expect(throws: error) { try InitialPacket(decoding: packet) }
    }
    for index in 1...3 {
      for original in [initial, response, retry] {
        var packet = original
        packet.setInteger(UInt8(0x80), at: index)
        #expect(throws: DatagramError.reservedBits) {
          switch original {
          case initial: _ = try InitialPacket(decoding: packet)
          case response: _ = try ResponsePacket(decoding: packet)
          default: _ = try RetryPacket(decoding: packet)
          }
        }
      }
    }
  }

  @Test(arguments: 0..<4)
  func `that is damaged is refused or means the same, and never traps`(worker: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    for _ in 0..<3_000 {
      guard var packet = [initial, response, retry].randomElement(using: &random) else { return }
      for _ in 0..<Int.random(in: 1...4, using: &random) { packet.damage(using: &random) }
      if let read = try? RetryPacket(decoding: packet) { #expect(read.encoded() == packet) }
      if let read = try? InitialPacket(decoding: packet) {
        var again = ByteBuffer()
        InitialPacket.writeStart(
          source: read.source,
          noiseMessage: Array(read.noiseMessage.readableBytesView),
          into: &again
        )
        again.writeAuthenticationCode(read.mac1)
        again.writeAuthenticationCode(read.mac2)
        #expect(again == packet, "seed \(seed)")
      }
      if let read = try? ResponsePacket(decoding: packet) {
        var start = packet
        start.moveReaderIndex(forwardBy: 4)
        #expect(start.readConnectionID() == read.destination, "seed \(seed)")
      }
      _ = ConnectionID.destination(of: packet)
    }
  }

  @Test func `that is damaged is not answered, and opens nothing at the client`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    for _ in 0..<200 {
      let pair = try Pair()
      let initial = try #require(pair.transmissions().first)
      var damaged = initial.bytes
      damaged.damage(using: &random)
      // The last 16 bytes prove a cookie, which nobody has asked for.
      if damaged != initial.bytes,
        damaged.getSlice(at: 0, length: 1184) != self.initialStart(initial)
      {
        pair.deliverToServer(damaged, from: pair.client)
        #expect(answersOfListener(pair).isEmpty, "seed \(seed)")
      }
      pair.deliver(initial)
      let answer = try #require(answersOfListener(pair).first)
      var wrong = answer.bytes
      wrong.damage(using: &random)
      if wrong != answer.bytes {
        pair.deliverToClient(wrong)
        #expect(pair.clientChannel == nil, "seed \(seed)")
      }
      pair.deliver(answer)
      #expect(pair.clientChannel != nil, "seed \(seed)")
    }
  }

  private func initialStart(_ packet: Pair.Sent) -> ByteBuffer? {
    packet.bytes.getSlice(at: 0, length: 1184)
  }
}

struct `A connection id` {
  @Test func `is shown as 16 digits`() {
    #expect(ConnectionID(0xAB).description == "00000000000000ab")
    #expect(ConnectionID(.max).description == "ffffffffffffffff")
  }

  @Test func `is found in what is long enough`() {
    var datagram = ByteBuffer(bytes: [0x80, 5, 0, 0, 0, 0, 0, 0])
    #expect(ConnectionID.destination(of: datagram) == nil)
    datagram.writeInteger(UInt8(1))
    #expect(ConnectionID.destination(of: datagram) == ConnectionID(0x0500_0000_0000_0001))
    #expect(ConnectionID.destination(of: ByteBuffer()) == nil)
    #expect(
      ConnectionID.destination(of: ByteBuffer(bytes: [0x81] + [0, 0, 0, 0, 0, 0, 0, 0])) == nil
    )
  }
}

struct `A path's address` {
  @Test func `is IPv4, or IPv6, which may stand for IPv4`() throws {
    let four = try #require(PathAddress(host: [192, 0, 2, 1], port: 80))
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1]
    #expect(PathAddress(host: mapped, port: 80) == four)
    #expect(four.description == "192.0.2.1:80")
    let six = try #require(
      PathAddress(host: [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1], port: 443)
    )
    #expect(six.description == "[2001:db8:0:0:0:0:0:1]:443")
    for count in [0, 3, 5, 15, 17] {
      #expect(PathAddress(host: [UInt8](repeating: 1, count: count), port: 1) == nil)
    }
  }

  @Test func `has a socket that the peer knows nothing of`() throws {
    let path = try #require(PathAddress(host: [192, 0, 2, 1], port: 80))
    let other = path.through(socket: 3)
    #expect(other != path)
    #expect(other.socket == 3 && other.port == 80)
    #expect(other.cookieInput == path.cookieInput)
    #expect(!other.hasSameHost(as: path))
    #expect(
      try #require(PathAddress(host: [192, 0, 2, 1], port: 81)).hasSameHost(as: path)
    )
    #expect(path.cookieInput.count == 22)
    #expect(
      try #require(PathAddress(host: [192, 0, 2, 1], port: 81)).cookieInput != path.cookieInput
    )
    #expect(
      try #require(PathAddress(host: [192, 0, 2, 1], port: 80, scope: 2)).cookieInput
        != path.cookieInput
    )
  }
}
