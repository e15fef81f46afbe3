import HawserCryptography
import HawserHandshake
import HawserPrimitives
import NIOCore
import Testing

struct `A field of a handshake message` {
  /// Field id and a value that is outside its limits, by message.
  static let badHelloValues: [(id: UInt64, value: [UInt8])] = [
    (1, []), (1, [0x40]), (1, [UInt8](repeating: 1, count: 17)),
    (5, [UInt8](repeating: 2, count: 65)), (5, [0xC0]),
    (7, []), (7, [0]), (7, [3]), (7, [1, 1]), (7, [0x41, 0x01]),
    (9, []), (9, [UInt8](repeating: 0x61, count: 257)), (9, [0x20]), (9, [0x7F]),
    (9, [0xC3, 0xA9]),
    (11, []), (11, [UInt8](repeating: 0, count: 15)), (13, [UInt8](repeating: 0, count: 17)),
    (23, []), (23, [1]), (23, [1, 2, 3]),
    (25, [0x40, 99]), (25, []), (25, [0x80, 0x36, 0xEE, 0x81]),
    (27, [0xA4, 0x0C, 0x84, 0x01]),
    (2, [0xFF]), (2, [0x0A]), (2, [0x1B, 0x5B, 0x6D]), (2, [0xC2, 0x9B]), (2, [0xE2, 0x80, 0xA8]),
    (2, [UInt8](repeating: 0x61, count: 256)),
  ]

  @Test(arguments: badHelloValues)
  func `is refused in a HELLO outside its limits`(id: UInt64, value: [UInt8]) throws {
    let record = try RawMessage.rewriting(Samples.newHello().encoded()) { fields in
      for index in fields.indices where fields[index].id == id { fields[index].value = value }
    }
    #expect(throws: HandshakeError.malformedField(id: id)) { try Hello(decoding: record) }
  }

  static let badRejectValues: [(id: UInt64, value: [UInt8])] = [
    (4, [UInt8](repeating: 0x61, count: 513)), (4, [0xC0, 0x80]), (4, [0xED, 0xA0, 0x80]),
    (6, [0x85, 0x26, 0x5C, 0x01]), (8, [UInt8](repeating: 0x61, count: 65)),
    (29, []), (29, [1, 1]), (31, [3]), (31, []), (31, [0x41, 0x00]),
  ]

  @Test(arguments: badRejectValues)
  func `is refused in a REJECT outside its limits`(id: UInt64, value: [UInt8]) throws {
    let record = try RawMessage.rewriting(Samples.reject.encoded()) { fields in
      for index in fields.indices where fields[index].id == id { fields[index].value = value }
    }
    #expect(throws: HandshakeError.malformedField(id: id)) {
      try HandshakeAnswer(decoding: record)
    }
  }

  @Test func `is not sent outside its limits`() throws {
    func expectUnencodable(_ field: String, _ change: (inout Hello) throws -> Void) throws {
      var hello = try Samples.newHello()
      try change(&hello)
      #expect(throws: HandshakeError.unencodable(field: field)) { try hello.encoded() }
    }
    let (client, process) = (try #require(Samples.client), try #require(Samples.process))
    func new(token: String = "t", name: String = "") -> Hello.Attachment {
      .new(token: Secret(bytes: token.utf8), client: client, process: process, name: name)
    }
    try expectUnencodable("versions") { $0.versions = [] }
    try expectUnencodable("versions") { $0.versions = Array(repeating: .v1, count: 17) }
    try expectUnencodable("versions") { $0.versions = [ProtocolVersion(rawValue: .max)] }
    try expectUnencodable("features") {
      $0.features = Array(repeating: Feature(rawValue: 2), count: 65)
    }
    try expectUnencodable("token") { $0.attachment = new(token: "") }
    try expectUnencodable("token") { $0.attachment = new(token: "a b") }
    try expectUnencodable("token") {
      $0.attachment = new(token: String(repeating: "a", count: 257))
    }
    try expectUnencodable("name") { $0.attachment = new(name: String(repeating: "é", count: 128)) }
    try expectUnencodable("name") { $0.attachment = new(name: "a\u{1B}[m") }
    try expectUnencodable("heartbeat") { $0.heartbeat = .milliseconds(99) }
    try expectUnencodable("grace") { $0.grace = .seconds(-1) }
    try expectUnencodable("grants") { $0.grants.streams = .max }
    try expectUnencodable("proof") {
      $0.attachment = .resume(session: client, epoch: 1, proof: [1])
    }
  }

  @Test func `for people is clipped at a character and cleaned when sent`() throws {
    let reject = Reject(.malformed, reason: "bell\u{7}\n" + String(repeating: "é", count: 300))
    guard case .reject(let decoded) = try HandshakeAnswer(decoding: reject.encoded()) else {
      Issue.record("not a REJECT")
      return
    }
    #expect(decoded.reason == "bell  " + String(repeating: "é", count: 253))
    #expect(decoded.reason.utf8.count == 512)
  }
}

struct `Random damage to a handshake message` {
  @Test(arguments: 0..<8)
  func `is refused or accepted but never traps`(worker: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let records = try Samples.records()
    for _ in 0..<4_000 {
      guard var record = records.randomElement(using: &random) else { return }
      for _ in 0..<Int.random(in: 1...4, using: &random) { record.damage(using: &random) }
      // Whatever is accepted can be sent again, and says the same then.
      if let hello = try? Hello(decoding: record) {
        let again = try Hello(decoding: hello.encoded())
        #expect(try again.encoded() == hello.encoded(), "seed \(seed)")
      }
      switch try? HandshakeAnswer(decoding: record) {
      case .welcome(let welcome)?:
        _ = try HandshakeAnswer(decoding: welcome.encoded())
      case .reject(let reject)?:
        let again = try HandshakeAnswer(decoding: reject.encoded())
        guard case .reject(reject) = again else {
          Issue.record("seed \(seed): REJECT has changed")
          return
        }
      case nil: break
      }
    }
  }
}

/// Sebastiano Vigna's generator: the same numbers for the same seed, everywhere.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

extension ByteBuffer {
  /// Flips a bit, exchanges, inserts or removes a byte, or cuts the end off.
  mutating func damage(using random: inout SplitMix64) {
    var bytes = Array(readableBytesView)
    guard let index = bytes.indices.randomElement(using: &random) else { return }
    switch Int.random(in: 0..<5, using: &random) {
    case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[index] = .random(in: .min ... .max, using: &random)
    case 2: bytes.insert(.random(in: .min ... .max, using: &random), at: index)
    case 3: bytes.remove(at: index)
    default: bytes.removeSubrange(index...)
    }
    self = ByteBuffer(bytes: bytes)
  }
}
