import HawserCryptography
import HawserHandshake
import HawserPrimitives
import NIOCore
import Testing

struct `A handshake message` {
  @Test func `keeps a new HELLO`() throws {
    let hello = try Samples.newHello()
    let decoded = try Hello(decoding: hello.encoded())
    #expect(decoded.versions == hello.versions)
    #expect(decoded.features == hello.features)
    #expect(decoded.role == .provider)
    #expect(decoded.grants == Samples.grants)
    #expect(decoded.heartbeat == .seconds(15))
    #expect(decoded.grace == .seconds(90))
    guard case .new(let token, let client, let process, let name) = decoded.attachment else {
      Issue.record("not a new session")
      return
    }
    #expect(token.revealedBytes == Array("abcdefgh_secret".utf8))
    #expect(client == Samples.client)
    #expect(process == Samples.process)
    #expect(name == "Büro")
  }

  @Test func `keeps a resuming HELLO`() throws {
    let hello = try Samples.resumingHello()
    let decoded = try Hello(decoding: hello.encoded())
    #expect(decoded.versions == hello.versions)
    #expect(decoded.features == hello.features)
    #expect(decoded.role == .forwarder)
    #expect(decoded.heartbeat == .milliseconds(2_500))
    guard case .resume(let session, let epoch, let proof) = decoded.attachment else {
      Issue.record("not a resumption")
      return
    }
    #expect(session == Samples.session)
    #expect(epoch == 7)
    #expect(proof == Samples.proof)
  }

  @Test func `keeps a WELCOME of either kind`() throws {
    for welcome in [try Samples.newWelcome(), try Samples.resumedWelcome()] {
      guard case .welcome(let decoded) = try HandshakeAnswer(decoding: welcome.encoded()) else {
        Issue.record("not a WELCOME")
        return
      }
      #expect(decoded.version == .v1)
      #expect(decoded.features == welcome.features)
      #expect(decoded.session == Samples.session)
      #expect(decoded.grace == .seconds(60))
      #expect(decoded.grants == Samples.grants)
      switch (welcome.attachment, decoded.attachment) {
      case (.new(let sent), .new(let received)): #expect(sent == received)
      case (.resumed(let sent), .resumed(let received)): #expect(sent == received)
      case (.new, .resumed), (.resumed, .new): Issue.record("the kind has changed")
      }
    }
  }

  @Test(arguments: Reject.Code.known)
  func `keeps a REJECT with each code`(code: Reject.Code) throws {
    let reject = Reject(code, reason: "because of \(code.rawValue)", retryDelay: .seconds(1))
    guard case .reject(let decoded) = try HandshakeAnswer(decoding: reject.encoded()) else {
      Issue.record("not a REJECT")
      return
    }
    #expect(decoded == reject)
    #expect(code.name?.isEmpty == false)
  }

  @Test func `keeps a REJECT whose code is not known here`() throws {
    var reject = Reject(Reject.Code(rawValue: 999), reason: "something new")
    reject.name = "from-the-future"
    reject.disposition = .retryLater
    guard case .reject(let decoded) = try HandshakeAnswer(decoding: reject.encoded()) else {
      Issue.record("not a REJECT")
      return
    }
    #expect(decoded == reject)
  }

  @Test func `hides the token from descriptions`() throws {
    let hello = try Samples.newHello()
    #expect(!"\(hello)".contains("secret_"))
    #expect(!"\(hello)".contains("abcdefgh"))
    #expect(!String(reflecting: try Samples.newWelcome()).contains("64, 65, 66"))
  }

  @Test func `is refused when it is cut at any length`() throws {
    for record in try Samples.records() {
      let isHello = record.getInteger(at: record.readerIndex, as: UInt8.self) == 1
      for length in 0..<record.readableBytes {
        let part = try #require(record.getSlice(at: record.readerIndex, length: length))
        #expect(throws: HandshakeError.self) {
          if isHello {
            _ = try Hello(decoding: part)
          } else {
            _ = try HandshakeAnswer(decoding: part)
          }
        }
      }
    }
  }

  @Test func `is refused with bytes of another message in its place`() throws {
    #expect(throws: HandshakeError.unexpectedMessage(type: 2)) {
      try Hello(decoding: Samples.newWelcome().encoded())
    }
    #expect(throws: HandshakeError.unexpectedMessage(type: 1)) {
      try HandshakeAnswer(decoding: Samples.newHello().encoded())
    }
    #expect(throws: HandshakeError.unexpectedMessage(type: 0)) {
      try HandshakeAnswer(decoding: ByteBuffer(bytes: [0]))
    }
    #expect(throws: HandshakeError.truncated) { try Hello(decoding: ByteBuffer()) }
  }

  @Test func `is refused unread above 4 KiB`() throws {
    var long = try Samples.newHello().encoded()
    var padding = RawMessage(type: 0)
    padding.append(1000, [UInt8](repeating: 0, count: 4096))
    long.writeImmutableBuffer(padding.buffer)
    #expect(throws: HandshakeError.tooLarge(bytes: long.readableBytes)) {
      try Hello(decoding: long)
    }
  }

  @Test func `is refused with a field twice or out of order`() throws {
    for record in try Samples.records() {
      let fields = RawMessage.fields(of: record)
      for index in fields.indices {
        let twice = try RawMessage.rewriting(record) { $0.insert($0[index], at: index) }
        #expect(throws: HandshakeError.fieldOutOfOrder(id: fields[index].id)) {
          try Self.decode(twice)
        }
      }
      let swapped = try RawMessage.rewriting(record) { $0.swapAt(0, 1) }
      #expect(throws: HandshakeError.fieldOutOfOrder(id: fields[0].id)) {
        try Self.decode(swapped)
      }
    }
  }

  @Test func `is refused without any of its critical fields`() throws {
    for record in try Samples.records() {
      for index in RawMessage.fields(of: record).indices {
        let id = RawMessage.fields(of: record)[index].id
        let without = try RawMessage.rewriting(record) { $0.remove(at: index) }
        if id % 2 == 0 {
          try Self.decode(without)
        } else {
          #expect(throws: HandshakeError.self, "without field \(id)") { try Self.decode(without) }
        }
      }
    }
  }

  @Test func `may have ignorable fields of the future and no critical ones`() throws {
    for record in try Samples.records() {
      let ignorable = try RawMessage.rewriting(record) { $0.append((1000, [1, 2, 3])) }
      try Self.decode(ignorable)
      let critical = try RawMessage.rewriting(record) { $0.append((1001, [])) }
      #expect(throws: HandshakeError.unknownCriticalField(id: 1001)) { try Self.decode(critical) }
    }
  }

  @Test func `is refused with more than 64 fields`() throws {
    let record = try Samples.newHello().encoded()
    let count = RawMessage.fields(of: record).count
    let full = try RawMessage.rewriting(record) { fields in
      for extra in 0..<(64 - count) { fields.append((1000 + UInt64(extra) * 2, [])) }
    }
    try Self.decode(full)
    let over = try RawMessage.rewriting(full) { $0.append((5000, [])) }
    #expect(throws: HandshakeError.tooManyFields) { try Self.decode(over) }
  }

  @Test func `is refused when both kinds of HELLO are mixed`() throws {
    let new = try Samples.newHello().encoded()
    let resuming = RawMessage.fields(of: try Samples.resumingHello().encoded())
    for id: UInt64 in [15, 17, 19] {
      let field = try #require(resuming.first { $0.id == id })
      let mixed = try RawMessage.rewriting(new) { fields in
        fields.append(field)
        fields.sort { $0.id < $1.id }
      }
      #expect(throws: HandshakeError.self) { try Self.decode(mixed) }
    }
  }

  static func decode(_ record: ByteBuffer) throws {
    if record.getInteger(at: record.readerIndex, as: UInt8.self) == 1 {
      _ = try Hello(decoding: record, supporting: [.v1])
    } else {
      _ = try HandshakeAnswer(decoding: record)
    }
  }
}
