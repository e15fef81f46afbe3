import Foundation
import HawserCryptography
import HawserSecureDatagram
import Testing

/// The published test vectors of the Noise implementation cacophony.
struct `A Noise handshake` {
  @Test(arguments: try NoiseVector.all())
  func `says and understands what the published vectors say`(vector: NoiseVector) throws {
    guard vector.cipher.isAvailable else { return }
    var initiator = try vector.handshake(.initiator)
    var responder = try vector.handshake(.responder)
    let handshakeCount = try vector.pattern.messages.count
    for (index, message) in vector.messages.prefix(handshakeCount).enumerated() {
      let written: [UInt8]
      let read: [UInt8]
      if index % 2 == 0 {
        written = try initiator.write(message.payload)
        read = try responder.read(message.ciphertext)
      } else {
        written = try responder.write(message.payload)
        read = try initiator.read(message.ciphertext)
      }
      #expect(written == message.ciphertext, "message \(index)")
      #expect(read == message.payload, "message \(index)")
    }
    let results = try [#require(initiator.result), #require(responder.result)]
    for result in results {
      #expect(result.hash == vector.hash)
      let keys = [
        AEADKey(vector.cipher, key: result.initiatorKey),
        AEADKey(vector.cipher, key: result.responderKey),
      ]
      for (index, message) in vector.messages.enumerated().dropFirst(handshakeCount) {
        let number = UInt64((index - handshakeCount) / 2)
        let nonce: AEADNonce =
          vector.cipher == .aes256GCM ? .bigEndian(number) : .littleEndian(number)
        let sealed = keys[index % 2].seal(message.payload, additionalData: [], nonce: nonce)
        #expect(sealed == message.ciphertext, "message \(index)")
      }
    }
  }

  @Test func `is shown by vectors of five patterns and two ciphers`() throws {
    let names = try NoiseVector.all().map(\.name)
    let protocols = [
      "NK_25519_ChaChaPoly", "NK_25519_AESGCM", "IK_25519_ChaChaPoly", "XX_25519_ChaChaPoly",
      "NKpsk2_25519_ChaChaPoly", "IKpsk2_25519_ChaChaPoly",
    ]
    #expect(Set(names) == Set(protocols.map { "Noise_\($0)_SHA256" }))
  }

  @Test func `refuses a damaged message and can still read the right one`() throws {
    let vector = try #require(NoiseVector.all().first { $0.cipher == .chaCha20Poly1305 })
    let message = try #require(vector.messages.first)
    let responder = try vector.handshake(.responder)
    for index in message.ciphertext.indices {
      var damaged = message.ciphertext
      damaged[index] ^= 1
      var copy = responder
      #expect(throws: NoiseError.self) { try copy.read(damaged) }
    }
    var copy = responder
    #expect(try copy.read(message.ciphertext) == message.payload)
  }

  @Test func `refuses keys with which every secret is the same`() throws {
    let vector = try #require(NoiseVector.all().first { $0.cipher == .chaCha20Poly1305 })
    var responder = try vector.handshake(.responder)
    let message = [UInt8](repeating: 0, count: 48)
    #expect(throws: NoiseError.invalidKey) { try responder.read(message) }
  }

  @Test func `refuses messages that are too short, and out of turn`() throws {
    let vector = try #require(NoiseVector.all().first { $0.cipher == .chaCha20Poly1305 })
    let message = try #require(vector.messages.first)
    for count in 0..<32 {
      var responder = try vector.handshake(.responder)
      #expect(throws: NoiseError.truncated) {
        try responder.read(Array(message.ciphertext.prefix(count)))
      }
    }
    var initiator = try vector.handshake(.initiator)
    #expect(throws: NoiseError.outOfTurn) { try initiator.read(message.ciphertext) }
    _ = try initiator.write([])
    #expect(throws: NoiseError.outOfTurn) { try initiator.write([]) }
    #expect(initiator.result == nil)
  }
}

/// One entry of the published vectors.
struct NoiseVector: Sendable, CustomTestStringConvertible {
  struct Message: Sendable {
    let payload: [UInt8]
    let ciphertext: [UInt8]
  }

  let name: String
  let hash: [UInt8]
  let messages: [Message]
  private let fields: [String: [UInt8]]
  private let presharedKey: [UInt8]?

  var testDescription: String { name }
  var cipher: AEADAlgorithm { name.contains("AESGCM") ? .aes256GCM : .chaCha20Poly1305 }

  var pattern: NoisePattern {
    get throws {
      let name = name.split(separator: "_")[1]
      return try #require(Self.patterns.first { $0.name == name }, "no pattern \(name)")
    }
  }

  /// The side's handshake with the keys of the vector.
  func handshake(_ role: NoiseHandshake.Role) throws -> NoiseHandshake {
    let side = role == .initiator ? "init" : "resp"
    return NoiseHandshake(
      try pattern,
      cipher: cipher,
      role: role,
      prologue: try #require(fields["\(side)_prologue"]),
      keys: NoiseHandshake.Keys(
        ephemeral: Secret(bytes: try #require(fields["\(side)_ephemeral"])),
        static: fields["\(side)_static"].map { Secret(bytes: $0) },
        remoteStatic: fields["\(side)_remote_static"],
        preshared: presharedKey.map { Secret(bytes: $0) }
      )
    )
  }

  private static let patterns: [NoisePattern] = [
    .nk,
    NoisePattern(
      name: "IK",
      responderIsKnown: true,
      messages: [
        [.ephemeral, .ephemeralStatic, .static, .staticStatic],
        [.ephemeral, .ephemeralEphemeral, .staticEphemeral],
      ]
    ),
    NoisePattern(
      name: "XX",
      responderIsKnown: false,
      messages: [
        [.ephemeral], [.ephemeral, .ephemeralEphemeral, .static, .ephemeralStatic],
        [.static, .staticEphemeral],
      ]
    ),
    NoisePattern(
      name: "NKpsk2",
      responderIsKnown: true,
      messages: [
        [.ephemeral, .ephemeralStatic], [.ephemeral, .ephemeralEphemeral, .presharedKey],
      ]
    ),
    NoisePattern(
      name: "IKpsk2",
      responderIsKnown: true,
      messages: [
        [.ephemeral, .ephemeralStatic, .static, .staticStatic],
        [.ephemeral, .ephemeralEphemeral, .staticEphemeral, .presharedKey],
      ]
    ),
  ]

  static func all() throws -> [NoiseVector] {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Vectors/noise-cacophony.json")
    return try JSONDecoder().decode(File.self, from: Data(contentsOf: path)).vectors
  }

  private struct File: Decodable {
    let vectors: [NoiseVector]
  }
}

extension NoiseVector: Decodable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private struct TextMessage: Decodable {
    let payload: String
    let ciphertext: String
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    name = try container.decode(String.self, forKey: Key(stringValue: "protocol_name"))
    var fields: [String: [UInt8]] = [:]
    var presharedKey: [UInt8]?
    for key in container.allKeys where key.stringValue != "protocol_name" {
      switch key.stringValue {
      case "messages": break
      case "init_psks", "resp_psks":
        presharedKey = try container.decode([String].self, forKey: key).first.map(bytes(of:))
      default: fields[key.stringValue] = try bytes(of: container.decode(String.self, forKey: key))
      }
    }
    self.fields = fields
    self.presharedKey = presharedKey
    hash = try #require(fields["handshake_hash"])
    messages = try container.decode([TextMessage].self, forKey: Key(stringValue: "messages")).map {
      try Message(payload: bytes(of: $0.payload), ciphertext: bytes(of: $0.ciphertext))
    }
  }
}

/// The bytes of hexadecimal digits.
func bytes(of digits: String) throws -> [UInt8] {
  try stride(from: 0, to: digits.utf8.count, by: 2).map { offset in
    let start = digits.utf8.index(digits.startIndex, offsetBy: offset)
    let end = digits.utf8.index(start, offsetBy: 2)
    return try #require(UInt8(digits[start..<end], radix: 16))
  }
}
