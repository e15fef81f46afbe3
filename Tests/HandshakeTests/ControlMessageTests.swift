import HawserHandshake
import HawserPrimitives
import NIOCore
import Testing

struct `Control messages` {
  private static func prefixed(_ json: String) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeVariableLengthInteger(UInt64(json.utf8.count))
    buffer.writeString(json)
    return buffer
  }

  private static func decode(_ json: String) throws -> ControlMessage? {
    var decoder = ControlMessageDecoder()
    decoder.append(prefixed(json))
    return try decoder.next()
  }

  @Test(arguments: Samples.controlMessages)
  func `are kept`(message: ControlMessage) throws {
    var decoder = ControlMessageDecoder()
    decoder.append(try message.encoded())
    #expect(try decoder.next() == message)
    #expect(try decoder.next() == nil)
    #expect(decoder.heldBytes == 0)
  }

  @Test(arguments: [1, 2, 3, 7, 64, 100_000])
  func `are read however they arrive`(chunk: Int) throws {
    var stream = ByteBuffer()
    for message in Samples.controlMessages { stream.writeImmutableBuffer(try message.encoded()) }
    var decoder = ControlMessageDecoder()
    var decoded: [ControlMessage] = []
    while let part = stream.readSlice(length: min(chunk, stream.readableBytes)),
      part.readableBytes > 0
    {
      decoder.append(part)
      while let message = try decoder.next() { decoded.append(message) }
    }
    #expect(decoded == Samples.controlMessages)
  }

  @Test func `of unknown types and unknown fields are ignored`() throws {
    var decoder = ControlMessageDecoder()
    decoder.append(Self.prefixed(#"{"type":"levitate","height":[1,{"a":null}]}"#))
    decoder.append(Self.prefixed(#"{"type":"unregister","id":3,"colour":"blue"}"#))
    #expect(try decoder.next() == .unregister(id: 3))
    #expect(decoder.skippedMessages == 1)
  }

  @Test func `take an absent port for the listen entry`() throws {
    let json = #"{"type":"register","id":1,"service":{"name":"a","entry":{"mode":"tcp"}}}"#
    let service = ServiceRegistration(
      name: "a",
      entry: RequestedEntry(mode: .tcp, port: .listenEntry)
    )
    #expect(try Self.decode(json) == .register(id: 1, service: service))
  }

  @Test func `carry modes of the future, so that they can be refused by name`() throws {
    let json =
      #"{"type":"register","id":1,"service":{"name":"a","entry":{"mode":"http","hosts":["a.b"]}}}"#
    guard case .register(_, let service)? = try Self.decode(json) else {
      Issue.record("not a registration")
      return
    }
    #expect(service.entry.mode == EntryMode(rawValue: "http"))
  }

  @Test func `carry codes of the future with their names`() throws {
    let json = #"{"type":"refused","id":1,"code":77,"name":"too-odd","reason":"no"}"#
    guard case .refused(1, let refusal)? = try Self.decode(json) else {
      Issue.record("not a refusal")
      return
    }
    #expect(refusal.code.rawValue == 77)
    #expect(refusal.name == "too-odd")
    #expect(refusal.code.name == nil)
  }

  static let malformed = [
    "", "{", "null", "[]", "1", #""register""#, "{}", #"{"type":1}"#, #"{"type":"unregister"}"#,
    #"{"type":"unregister","id":-1}"#, #"{"type":"unregister","id":1.5}"#,
    #"{"type":"unregister","id":"1"}"#, #"{"type":"unregister","id":1e400}"#,
    #"{"type":"unregister","id":9007199254740992}"#,
    #"{"type":"register","id":1}"#,
    #"{"type":"register","id":1,"service":{"name":"","entry":{"mode":"tcp"}}}"#,
    #"{"type":"register","id":1,"service":{"name":"a","entry":{"mode":""}}}"#,
    #"{"type":"register","id":1,"service":{"name":"a","entry":{"mode":"tcp","port":65536}}}"#,
    #"{"type":"register","id":1,"service":{"name":"a\u001b[m","entry":{"mode":"tcp"}}}"#,
    #"{"type":"registered","id":1,"serviceId":1,"entry":{"mode":"tcp","address":"a","port":0}}"#,
    #"{"type":"draining"}"#, #"{"type":"draining","seconds":86401}"#,
    #"{"type":"goingAway","reason":"","retryAfter":-1}"#,
  ]

  @Test(arguments: malformed)
  func `that are malformed end the stream`(json: String) throws {
    var decoder = ControlMessageDecoder()
    decoder.append(Self.prefixed(json))
    #expect(throws: HandshakeError.malformedControlMessage) { try decoder.next() }
    decoder.append(try ControlMessage.unregister(id: 1).encoded())
    #expect(throws: HandshakeError.malformedControlMessage) { try decoder.next() }
    #expect(decoder.heldBytes == 0)
  }

  @Test func `that are nested without end are refused`() {
    let json = #"{"type":"x","y":"# + String(repeating: "[", count: 60_000) + "}"
    #expect(throws: HandshakeError.malformedControlMessage) { try Self.decode(json) }
  }

  @Test func `may have 64 KiB and not a byte more`() throws {
    let frame = #"{"type":"unregister","id":1,"pad":""}"#
    let pad = String(repeating: "a", count: 65_536 - frame.utf8.count)
    let full = #"{"type":"unregister","id":1,"pad":"\#(pad)"}"#
    #expect(try Self.decode(full) == .unregister(id: 1))

    var decoder = ControlMessageDecoder()
    var prefix = ByteBuffer()
    prefix.writeVariableLengthInteger(65_537)
    decoder.append(prefix)
    #expect(throws: HandshakeError.controlMessageTooLarge(bytes: 65_537)) { try decoder.next() }
  }

  @Test func `are not sent outside their limits`() {
    let long = String(repeating: "a", count: 256)
    let messages: [ControlMessage] = [
      .unregister(id: 1 << 53),
      .draining(within: .seconds(86_401)),
      .register(
        id: 1,
        service: ServiceRegistration(name: long, entry: RequestedEntry(mode: .tcp, port: .any))
      ),
      .register(
        id: 1,
        service: ServiceRegistration(
          name: "a",
          entry: RequestedEntry(mode: EntryMode(rawValue: ""), port: .any)
        )
      ),
    ]
    for message in messages {
      #expect(throws: HandshakeError.unencodable(field: "control message")) {
        try message.encoded()
      }
    }
  }

  @Test func `clip and clean texts for people`() throws {
    let reason = "line\r\n" + String(repeating: "x", count: 600)
    var decoder = ControlMessageDecoder()
    decoder.append(try ControlMessage.goingAway(reason: reason, retryAfter: nil).encoded())
    let clipped = "line  " + String(repeating: "x", count: 506)
    #expect(try decoder.next() == .goingAway(reason: clipped, retryAfter: nil))
  }

  @Test func `never trap when they are damaged at random`() throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix64(state: seed)
    for _ in 0..<5_000 {
      guard let message = Samples.controlMessages.randomElement(using: &random) else { return }
      var bytes = try message.encoded()
      for _ in 0..<Int.random(in: 1...4, using: &random) { bytes.damage(using: &random) }
      var decoder = ControlMessageDecoder()
      decoder.append(bytes)
      while let message = try? decoder.next() {
        var again = ControlMessageDecoder()
        again.append(try message.encoded())
        #expect(try again.next() == message, "seed \(seed)")
      }
    }
  }
}
