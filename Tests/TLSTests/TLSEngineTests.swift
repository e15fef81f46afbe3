import HawserTLS
import NIOCore
import Testing

struct `A TLS engine` {
  @Test(arguments: [Int.max, 1, 7, 100])
  func `shakes hands and carries bytes both ways in pieces of any size`(pieceBytes: Int) throws {
    var pair = try EnginePair()
    try pair.client.start()
    try pair.exchange(pieceBytes: pieceBytes)
    #expect(pair.client.state == .open)
    #expect(pair.server.state == .open)
    #expect(pair.client.peerKey == TestIdentity.publicKey)
    #expect(pair.server.peerKey == nil)

    try pair.client.send(ByteBuffer(string: "ahoy"))
    try pair.server.send(ByteBuffer(string: "who goes there?"))
    try pair.exchange(pieceBytes: pieceBytes)
    #expect(String(buffer: pair.toServer) == "ahoy")
    #expect(String(buffer: pair.toClient) == "who goes there?")
  }

  @Test func `takes application bytes that come together with the end of the handshake`() throws {
    var pair = try EnginePair()
    try pair.client.start()
    let hello = try #require(pair.client.takeCiphertext())
    try pair.server.receive(hello, into: &pair.toServer)
    let answer = try #require(pair.server.takeCiphertext())
    try pair.client.receive(answer, into: &pair.toClient)
    try pair.client.send(ByteBuffer(string: "at once"))
    let coalesced = try #require(pair.client.takeCiphertext())
    try pair.server.receive(coalesced, into: &pair.toServer)
    #expect(pair.server.state == .open)
    #expect(String(buffer: pair.toServer) == "at once")
  }

  @Test func `carries 8 MiB byte-exact, in reads that fit nothing`() throws {
    var pair = try EnginePair.open()
    var generator = SystemRandomNumberGenerator()
    let payload = ByteBuffer(
      bytes: (0..<(8 << 20) / 8).flatMap { _ in
        withUnsafeBytes(of: generator.next()) { Array($0) }
      }
    )
    try payload.pieces(of: 100_003) { try pair.client.send($0) }
    try pair.exchange(pieceBytes: 65_521)
    #expect(pair.toServer == payload)
  }

  @Test func `changes its key after so many records without a hitch`() throws {
    var pair = try EnginePair.open(recordsPerKey: 3)
    for index in 0..<20 {
      try pair.client.send(ByteBuffer(string: "\(index) "))
      try pair.server.send(ByteBuffer(string: "\(index) "))
      try pair.exchange()
    }
    let expected = (0..<20).map { "\($0) " }.joined()
    #expect(String(buffer: pair.toServer) == expected)
    #expect(String(buffer: pair.toClient) == expected)
  }

  @Test func `exports the same binding at both ends and another one each time`() throws {
    let first = try EnginePair.open()
    let second = try EnginePair.open()
    let binding = try first.client.exportBinding()
    #expect(binding.count == 32)
    #expect(try first.server.exportBinding() == binding)
    #expect(try second.client.exportBinding() != binding)
  }

  @Test func `has no binding and takes no bytes before the handshake is done`() throws {
    let pair = try EnginePair()
    #expect(throws: TLSError.alreadyClosed) { try pair.client.exportBinding() }
    #expect(throws: TLSError.alreadyClosed) { try pair.client.send(ByteBuffer(string: "x")) }
  }

  @Test func `tells a close from a cut`() throws {
    var pair = try EnginePair.open()
    try pair.client.send(ByteBuffer(string: "the end"))
    pair.client.close()
    try pair.exchange()
    #expect(pair.server.state == .peerClosed)
    #expect(String(buffer: pair.toServer) == "the end")
    try pair.server.receiveEnd()

    // The other direction is still open, and ends without a close.
    try pair.server.send(ByteBuffer(string: "not yet"))
    try pair.exchange()
    #expect(String(buffer: pair.toClient) == "not yet")
    #expect(throws: TLSError.truncated) { try pair.client.receiveEnd() }
  }

  @Test func `sends nothing after its close`() throws {
    let pair = try EnginePair.open()
    pair.client.close()
    pair.client.close()
    #expect(throws: TLSError.alreadyClosed) { try pair.client.send(ByteBuffer(string: "x")) }
  }

  @Test func `refuses altered ciphertext and stays failed`() throws {
    var pair = try EnginePair.open()
    try pair.client.send(ByteBuffer(string: "genuine"))
    var ciphertext = try #require(pair.client.takeCiphertext())
    let index = ciphertext.writerIndex - 1
    let last: UInt8 = try #require(ciphertext.getInteger(at: index))
    ciphertext.setInteger(last ^ 1, at: index)
    #expect(throws: TLSError.self) {
      try pair.server.receive(ciphertext, into: &pair.toServer)
    }
    #expect(pair.toServer.readableBytes == 0)
    guard case .failed = pair.server.state else {
      Issue.record("the state is \(pair.server.state)")
      return
    }
    #expect(throws: TLSError.self) {
      try pair.server.receive(ByteBuffer(string: "more"), into: &pair.toServer)
    }
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\0", "\u{16}\u{02}",
  ])
  func `knows at the first bytes what is not TLS`(text: String) throws {
    for pieceBytes in [1, Int.max] {
      let server = try TLSEngine(context: .server(ed25519Seed: TestIdentity.seed))
      var plaintext = ByteBuffer()
      #expect(throws: TLSError.notTLS) {
        try ByteBuffer(string: text).pieces(of: pieceBytes) {
          try server.receive($0, into: &plaintext)
        }
      }
    }
  }

  @Test func `survives garbage of every kind`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var generator = Generator(state: seed)
    let context = try TLSContext.server(ed25519Seed: TestIdentity.seed)
    for round in 0..<500 {
      let server = try TLSEngine(context: context)
      // A plausible record header, then noise.
      var bytes: [UInt8] = [0x16, 0x03, 0x01]
      bytes += (0..<Int.random(in: 0...600, using: &generator)).map { _ in
        UInt8.random(in: .min ... .max, using: &generator)
      }
      var plaintext = ByteBuffer()
      try? server.receive(ByteBuffer(bytes: bytes), into: &plaintext)
      #expect(server.state != .open, "seed \(seed), round \(round)")
      #expect(plaintext.readableBytes == 0)
    }
  }

  @Test func `survives the ClientHello with an empty body`() throws {
    let server = try TLSEngine(context: .server(ed25519Seed: TestIdentity.seed))
    var plaintext = ByteBuffer()
    let bytes: [UInt8] = [0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00]
    #expect(throws: TLSError.self) {
      try server.receive(ByteBuffer(bytes: bytes), into: &plaintext)
    }
  }
}

/// SplitMix64: repeatable noise.
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
