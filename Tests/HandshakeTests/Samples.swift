import HawserCryptography
import HawserHandshake
import HawserPrimitives
import NIOCore
import Testing

/// One valid value of each handshake message, and of each variant.
enum Samples {
  static let client = RandomID(bytes: 0x10..<0x20)
  static let process = RandomID(bytes: 0x20..<0x30)
  static let session = RandomID(bytes: 0x30..<0x40)
  static let secret = Secret(bytes: 0x40..<0x60)
  static let proof = [UInt8](0x60..<0x80)
  static let grants = AnnouncedGrants(sessionBytes: 67_108_864, streams: 1024)

  static func newHello() throws -> Hello {
    Hello(
      role: .provider,
      attachment: .new(
        token: Secret(bytes: "abcdefgh_secret".utf8),
        client: try #require(client),
        process: try #require(process),
        name: "Büro"
      ),
      grants: grants,
      heartbeat: .seconds(15),
      grace: .seconds(90)
    )
  }

  static func resumingHello() throws -> Hello {
    Hello(
      versions: [ProtocolVersion(rawValue: 2), .v1],
      features: [Feature(rawValue: 2), Feature(rawValue: 70_000)],
      role: .forwarder,
      attachment: .resume(session: try #require(session), epoch: 7, proof: proof),
      grants: grants,
      heartbeat: .milliseconds(2_500),
      grace: .zero
    )
  }

  static func newWelcome() throws -> Welcome {
    Welcome(
      version: .v1,
      features: [],
      session: try #require(session),
      attachment: .new(resumeSecret: secret),
      grants: grants,
      heartbeat: .seconds(15),
      grace: .seconds(60)
    )
  }

  static func resumedWelcome() throws -> Welcome {
    var welcome = try newWelcome()
    welcome.attachment = .resumed(proof: proof)
    welcome.features = [Feature(rawValue: 2)]
    return welcome
  }

  static let reject = Reject(.overLimit, reason: "too many sessions", retryDelay: .seconds(5))

  /// Every message as a record.
  static func records() throws -> [ByteBuffer] {
    [
      try newHello().encoded(), try resumingHello().encoded(), try newWelcome().encoded(),
      try resumedWelcome().encoded(), try reject.encoded(),
      try Reject(.badCredentials, reason: "").encoded(),
    ]
  }

  static let controlMessages: [ControlMessage] = [
    .register(
      id: 1,
      service: ServiceRegistration(
        name: "web",
        entry: RequestedEntry(mode: .tcp, port: .listenEntry)
      )
    ),
    .register(
      id: 2,
      service: ServiceRegistration(name: "db", entry: RequestedEntry(mode: .tcp, port: .any))
    ),
    .register(
      id: HandshakeLimits.controlIdentifier,
      service: ServiceRegistration(
        name: "ssh \"quoted\"",
        entry: RequestedEntry(mode: .tcp, port: .number(65_535))
      )
    ),
    .registered(
      id: 1,
      service: 5,
      entry: BoundEntry(mode: .tcp, address: "0.0.0.0", port: 8080)
    ),
    .refused(
      id: 2,
      refusal: RegistrationRefusal(.portTaken, reason: "port 80 belongs to another user")
    ),
    .unregister(id: 1),
    .unregistered(id: 1),
    .draining(within: .seconds(30)),
    .goingAway(reason: "maintenance", retryAfter: .seconds(10)),
    .goingAway(reason: "maintenance", retryAfter: nil),
  ]
}

/// Builds handshake messages byte by byte, as a peer of another version might.
struct RawMessage {
  private(set) var buffer = ByteBuffer()

  init(type: UInt8) {
    buffer.writeInteger(type)
  }

  /// Splits an encoded message so that single fields can be exchanged.
  static func fields(of record: ByteBuffer) -> [(id: UInt64, value: [UInt8])] {
    var record = record
    record.moveReaderIndex(forwardBy: 1)
    var fields: [(UInt64, [UInt8])] = []
    while let id = record.readVariableLengthInteger() {
      let count = record.readVariableLengthInteger().map(Int.init) ?? 0
      fields.append((id, record.readBytes(length: count) ?? []))
    }
    #expect(record.readableBytes == 0)
    return fields
  }

  /// `record` with its fields changed by `change`; kept in the order given.
  static func rewriting(
    _ record: ByteBuffer,
    _ change: (inout [(id: UInt64, value: [UInt8])]) -> Void
  ) throws -> ByteBuffer {
    var fields = fields(of: record)
    change(&fields)
    var message = RawMessage(type: try #require(record.getInteger(at: record.readerIndex)))
    for (id, value) in fields { message.append(id, value) }
    return message.buffer
  }

  mutating func append(_ id: UInt64, _ value: [UInt8]) {
    buffer.writeVariableLengthInteger(id)
    buffer.writeVariableLengthInteger(UInt64(value.count))
    buffer.writeBytes(value)
  }
}
