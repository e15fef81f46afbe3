import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `A negotiation message` {
  private static let offer = DatagramOffer(
    DatagramCapabilities(
      ciphers: [.chaCha20Poly1305, .aes256GCM],
      extensions: [.acknowledgementRanges, .typedPayloads]
    ),
    connection: ConnectionID(0x0102_0304_0506_0708)
  )
  private static let accepted = DatagramAnswer.accepted(
    DatagramAgreement(version: 1, cipher: .aes256GCM, extensions: [.typedPayloads]),
    connection: ConnectionID(9)
  )

  @Test func `comes back as it was sent`() throws {
    #expect(try DatagramOffer(decoding: Self.offer.encoded()) == Self.offer)
    for answer in [Self.accepted, .refused(.overLimit), .refused(.other(77))] {
      #expect(try DatagramAnswer(decoding: answer.encoded(), to: Self.offer) == answer)
    }
  }

  @Test func `is filled up to exactly the length that is asked for`() throws {
    for count in [200, 1000, 1108] {
      let encoded = Self.offer.encoded(paddedTo: count)
      #expect(encoded.count == count)
      #expect(try DatagramOffer(decoding: encoded) == Self.offer)
    }
    #expect(Self.offer.encoded(paddedTo: 10) == Self.offer.encoded())
  }

  /// Field id, value, and whether it takes the place of the field with that id.
  static let unknownFields: [(id: UInt64, error: NegotiationError?)] = [
    (60, nil), (1000, nil), (61, .unknownCriticalField(id: 61)),
    (1001, .unknownCriticalField(id: 1001)), (9, .unknownCriticalField(id: 9)),
  ]

  @Test(arguments: unknownFields)
  func `may have unknown fields that are even`(id: UInt64, error: NegotiationError?) throws {
    var bytes = ByteBuffer(bytes: Self.offer.encoded())
    bytes.writeVariableLengthInteger(id)
    bytes.writeVariableLengthInteger(2)
    bytes.writeBytes([1, 2])
    let message = Array(bytes.readableBytesView)
    if let error {
      #expect(throws: error) { try DatagramOffer(decoding: message) }
    } else {
      #expect(try DatagramOffer(decoding: message) == Self.offer)
    }
  }

  static let malformed: [(message: [UInt8], error: NegotiationError)] = [
    ([], .missingField(id: 1)),
    ([1], .truncated), ([1, 2, 1], .truncated), ([0x40], .truncated),
    ([1, 1, 1], .missingField(id: 3)),
    ([1, 0], .malformedField(id: 1)), ([1, 1, 0x40], .malformedField(id: 1)),
    ([1, 1, 1, 1, 1, 1], .fieldOutOfOrder(id: 1)),
    ([5, 1, 1, 1, 1, 1], .fieldOutOfOrder(id: 1)),
    ([1, 1, 1, 3, 7, 0, 0, 0, 0, 0, 0, 0], .malformedField(id: 3)),
    ([1, 1, 1, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0], .missingField(id: 5)),
    ([1, 1, 1, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 1], .missingField(id: 7)),
    ([13, 1, 1], .unknownCriticalField(id: 13)),
    ([1, 0xC0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF], .truncated),
    ([1, 65] + [UInt8](repeating: 1, count: 65), .truncated),
    ([1, 0x40, 65] + [UInt8](repeating: 1, count: 65), .malformedField(id: 1)),
    (
      (0..<33).flatMap { [0x40, UInt8($0 * 2 + 100), 0] },
      .tooManyFields
    ),
  ]

  @Test(arguments: malformed)
  func `is refused when it is not as specified`(message: [UInt8], error: NegotiationError) {
    #expect(throws: error) { try DatagramOffer(decoding: message) }
  }

  @Test func `that chooses what was not offered is refused`() {
    let other = DatagramOffer(
      DatagramCapabilities(ciphers: [.chaCha20Poly1305], extensions: []),
      connection: ConnectionID(1)
    )
    #expect(throws: NegotiationError.notOffered) {
      try DatagramAnswer(decoding: Self.accepted.encoded(), to: other)
    }
    #expect(throws: NegotiationError.missingField(id: 9)) {
      try DatagramAnswer(decoding: [], to: other)
    }
  }

  @Test func `without a common version or cipher is refused`() {
    var old = Self.offer
    old.versions = [7, 9]
    #expect(refusal(of: old) == .unsupportedVersion)
    var strange = Self.offer
    strange.ciphers = [3, 4]
    #expect(refusal(of: strange) == .unsupportedCipher)
    var many = Self.offer
    many.versions = [9, 1]
    #expect(refusal(of: many) == nil)
  }

  private func refusal(of offer: DatagramOffer) -> DatagramRefusal? {
    switch offer.choose(from: DatagramCapabilities()) {
    case .success: nil
    case .failure(let refused): refused.refusal
    }
  }

  @Test(arguments: 0..<4)
  func `that is damaged is refused or means something, and never traps`(worker: Int) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    let messages = [
      Self.offer.encoded(), Self.offer.encoded(paddedTo: 200), Self.accepted.encoded(),
      DatagramAnswer.refused(.malformed).encoded(),
    ]
    for _ in 0..<5_000 {
      guard let message = messages.randomElement(using: &random) else { return }
      var buffer = ByteBuffer(bytes: message)
      for _ in 0..<Int.random(in: 1...4, using: &random) { buffer.damage(using: &random) }
      let damaged = Array(buffer.readableBytesView)
      if let read = try? DatagramOffer(decoding: damaged) {
        #expect(try DatagramOffer(decoding: read.encoded()) == read, "seed \(seed)")
        _ = read.choose(from: DatagramCapabilities())
      }
      if let read = try? DatagramAnswer(decoding: damaged, to: Self.offer) {
        let again = try DatagramAnswer(decoding: read.encoded(), to: Self.offer)
        #expect(again == read, "seed \(seed)")
      }
    }
  }
}

struct `A control message` {
  @Test func `comes back as it was sent, and is refused cut short`() {
    for message: ControlMessage in [
      .challenge(1), .response(.max), .ping(0), .pong(7), .close(9), .probe(3),
      .probeAcknowledgement(4),
    ] {
      var buffer = ByteBuffer()
      message.write(into: &buffer)
      #expect(buffer.readableBytes == DatagramLimits.controlMessageBytes)
      guard let type: UInt8 = buffer.readInteger() else { return }
      for count in 0..<8 {
        var cut = ByteBuffer(bytes: buffer.readableBytesView.prefix(count))
        #expect(ControlMessage(type: type, from: &cut) == nil)
      }
      #expect(ControlMessage(type: type, from: &buffer) == message)
      #expect(buffer.readableBytes == 0)
    }
    var rest = ByteBuffer(bytes: [UInt8](repeating: 1, count: 20))
    #expect(ControlMessage(type: 0x40, from: &rest) == .padding)
    for type in UInt8(0x48)...0xFF { #expect(ControlMessage(type: type, from: &rest) == nil) }
  }
}
