import HawserCryptography
import HawserHandshake
import HawserPrimitives
import NIOCore
import Testing

struct `The page of the protocol, on the handshake` {
  private let page: ProtocolPage
  private let secret = Secret(bytes: 0x40..<0x60)
  private let binding = [UInt8](0x80..<0xA0)
  private let grants = AnnouncedGrants(sessionBytes: 320 << 20, streams: 2048)

  init() throws {
    page = try ProtocolPage.read()
  }

  private func id(_ first: UInt8) throws -> RandomID {
    try #require(RandomID(bytes: first..<first + 16))
  }

  @Test func `shows a new HELLO`() throws {
    let hello = Hello(
      role: .provider,
      attachment: .new(
        token: Secret(bytes: "k3v9x0qa_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".utf8),
        client: try id(0x10),
        process: try id(0x20),
        name: "boat"
      ),
      grants: grants,
      heartbeat: .seconds(15),
      grace: .seconds(90)
    )
    try expect(hello, in: "hello-new")
  }

  @Test func `shows a resuming HELLO`() throws {
    let proof = ResumeProof.bytes(
      by: .dialler(.provider),
      secret: secret,
      binding: binding,
      epoch: 2
    )
    let hello = Hello(
      role: .provider,
      attachment: .resume(session: try id(0x30), epoch: 2, proof: proof),
      grants: grants,
      heartbeat: .seconds(15),
      grace: .seconds(90)
    )
    try expect(hello, in: "hello-resume")
  }

  private func expect(_ hello: Hello, in block: String) throws {
    let golden = try page.bytes(block)
    #expect(try hello.encoded() == golden)
    #expect(try Hello(decoding: golden).encoded() == golden)
  }

  @Test func `shows a WELCOME of either kind`() throws {
    let proof = ResumeProof.bytes(by: .server, secret: secret, binding: binding, epoch: 2)
    let kinds: [(String, Welcome.Attachment)] = [
      ("welcome-new", .new(resumeSecret: secret)), ("welcome-resumed", .resumed(proof: proof)),
    ]
    for (block, kind) in kinds {
      let welcome = Welcome(
        version: .v1,
        features: [],
        session: try id(0x30),
        attachment: kind,
        grants: grants,
        heartbeat: .seconds(15),
        grace: .seconds(60)
      )
      let golden = try page.bytes(block)
      #expect(try welcome.encoded() == golden)
      guard case .welcome(let decoded) = try HandshakeAnswer(decoding: golden) else {
        Issue.record("\(block) is no WELCOME")
        return
      }
      #expect(try decoded.encoded() == golden)
    }
  }

  @Test func `shows a REJECT`() throws {
    let reject = Reject(.overLimit, reason: "the server is full", retryDelay: .seconds(5))
    let golden = try page.bytes("reject")
    #expect(try reject.encoded() == golden)
    guard case .reject(reject) = try HandshakeAnswer(decoding: golden) else {
      Issue.record("not that REJECT")
      return
    }
  }

  @Test func `shows both proofs`() throws {
    let provers: [(String, ResumeProof.Prover)] = [
      ("proof-dialler", .dialler(.provider)), ("proof-server", .server),
    ]
    for (block, prover) in provers {
      let golden = Array(try page.bytes(block).readableBytesView)
      #expect(
        ResumeProof.bytes(by: prover, secret: secret, binding: binding, epoch: 2) == golden
      )
    }
  }

  @Test func `lists the codes of REJECT`() {
    let rows = page.numberedRows(under: "REJECT")
    #expect(rows.map(\.number) == Reject.Code.known.map(\.rawValue))
    let words: [Reject.Disposition: String] = [
      .giveUp: "give up", .retryLater: "retry later", .startAnew: "start anew",
    ]
    for (row, code) in zip(rows, Reject.Code.known) {
      #expect(row.cells.first == code.name)
      #expect(row.cells.dropFirst().first == words[code.disposition])
    }
  }

  @Test func `lists the codes of refused registrations`() {
    let rows = page.numberedRows(under: "Control messages")
    #expect(rows.map(\.number) == RegistrationRefusal.Code.known.map(\.rawValue))
    #expect(rows.map(\.cells.first) == RegistrationRefusal.Code.known.map(\.name))
  }

  @Test func `shows every control message as it is sent`() throws {
    var types: Set<String> = []
    for json in page.controlMessages {
      var decoder = ControlMessageDecoder()
      var message = ByteBuffer()
      message.writeVariableLengthInteger(UInt64(json.utf8.count))
      message.writeString(json)
      decoder.append(message)
      let decoded = try #require(try decoder.next(), "unknown: \(json)")
      #expect(try decoded.encoded() == message)
      types.insert(String("\(decoded)".prefix { $0 != "(" }))
    }
    #expect(types.count == 7)
    let golden = try page.bytes("control-unregister")
    #expect(try ControlMessage.unregister(id: 1).encoded() == golden)
  }
}
