import Foundation
import HawserCredentials
import HawserCryptography
import HawserHandshake
import HawserPrimitives
import HawserSession
import HawserTLS
import HawserTransport
import NIOCore

/// A peer that has a provider's means, TLS and perhaps a token, and none of its manners: it says
/// what a test tells it to.
final class HostilePeer {
  /// From where it comes: an address of its own, so that what it is charged with is not held
  /// against honest providers.
  static let address = "127.0.0.2"

  /// What the server said that was not just keeping the link alive.
  enum Answer {
    case record(ByteBuffer)
    /// The server closed the connection.
    case end
  }

  private let socket: PlainSocket
  private let engine: TLSEngine
  private var decoder = RecordDecoder()
  private var takenCount: UInt64 = 0
  private var frames: [Frame] = []

  /// Connects and finishes TLS.
  init(to server: RunningServer) throws {
    let key = try JoinURL(text: server.joinURL()).keys[0]
    socket = try PlainSocket(port: server.controlPort, from: Self.address)
    engine = try TLSEngine(context: .client(.pinned([key.publicKey])))
    try engine.start()
    while engine.state == .handshaking {
      try flush()
      guard case .bytes(let bytes) = try socket.read() else {
        throw SocketFailure("the server closed amid TLS", code: 0)
      }
      try engine.receive(ByteBuffer(bytes: bytes), into: &decoder.buffer)
    }
    try flush()
  }

  /// Where it comes from, as the server's log has it.
  var addressAndPort: String { "\(Self.address):\(socket.localPort)" }

  /// What proofs on this link are bound to.
  func binding() throws -> [UInt8] { try engine.exportBinding() }

  // MARK: - Saying

  /// Sends bytes inside TLS, whatever they are.
  func send(plaintext: ByteBuffer) throws {
    try engine.send(plaintext)
    try flush()
  }

  /// Sends one record.
  func send(record: ByteBuffer) throws {
    var message = ByteBuffer()
    RecordEncoder.write(record: record, to: &message)
    try send(plaintext: message)
  }

  /// Sends frames, as many in a record as go in.
  func send(_ frames: [Frame]) throws {
    var plaintext = ByteBuffer()
    var record = ByteBuffer()
    for frame in frames {
      if record.readableBytes + frame.encodedSizeBound > TransportLimits.recordBytes {
        RecordEncoder.write(record: record, to: &plaintext)
        record.clear()
      }
      frame.write(into: &record)
    }
    RecordEncoder.write(record: record, to: &plaintext)
    try send(plaintext: plaintext)
  }

  /// Sends the same frame again and again, as fast as it can.
  func send(_ frame: Frame, times count: Int) throws {
    var one = ByteBuffer()
    frame.write(into: &one)
    let perRecord = TransportLimits.recordBytes / one.readableBytes
    var message = ByteBuffer()
    let record = ByteBuffer(bytes: (0..<perRecord).flatMap { _ in one.readableBytesView })
    RecordEncoder.write(record: record, to: &message)
    for _ in 0...(count / perRecord) { try send(plaintext: message) }
  }

  private func flush() throws {
    guard let ciphertext = engine.takeCiphertext() else { return }
    try socket.write(ciphertext.readableBytesView)
  }

  // MARK: - Listening

  /// Waits for the next record, or the end; acknowledges what it takes.
  func next() throws -> Answer {
    while true {
      if let record = try nextReceived() { return .record(record) }
      guard try receive() else { return .end }
    }
  }

  /// Takes what is there without waiting, so that PINGs are answered amid a long speech.
  func listen() throws {
    while socket.hasInput, try receive() {
      while var record = try nextReceived() {
        while record.readableBytes > 0 { frames.append(try Frame(from: &record)) }
      }
    }
  }

  /// The next record of what has arrived.
  private func nextReceived() throws -> ByteBuffer? {
    while let message = try decoder.next() {
      var answer = ByteBuffer()
      switch message {
      case .record(let record):
        takenCount += 1
        RecordEncoder.write(report: takenCount, to: &answer)
        // The server may have closed already.
        try? send(plaintext: answer)
        return record
      case .ping(let number):
        RecordEncoder.write(pong: number, to: &answer)
        try? send(plaintext: answer)
      case .report, .pong:
        break
      }
    }
    return nil
  }

  /// Waits for bytes; false when the server closed the connection.
  private func receive() throws -> Bool {
    guard case .bytes(let bytes) = try socket.read() else { return false }
    decoder.makeRoom(for: bytes.count)
    try engine.receive(ByteBuffer(bytes: bytes), into: &decoder.buffer)
    return engine.state != .peerClosed || decoder.buffer.readableBytes > 0
  }

  /// What the server said to the session.
  enum Said {
    case frame(Frame)
    case end
  }

  /// Waits for the next frame, or the end.
  func nextFrame() throws -> Said {
    while frames.isEmpty {
      guard case .record(var record) = try next() else { return .end }
      while record.readableBytes > 0 { frames.append(try Frame(from: &record)) }
    }
    return .frame(frames.removeFirst())
  }

  /// Listens until the server closes the session or the connection: the code and the reason that it
  /// gives, if any.
  func closing() throws -> (code: CloseCode, reason: String)? {
    while case .frame(let frame) = try nextFrame() {
      if case .close(let code, let reason) = frame { return (code, reason) }
    }
    return nil
  }

  func close() { socket.close() }
}

// MARK: - The handshake

extension HostilePeer {
  /// Begins a session as a provider would, and gives what the server said.
  func join(_ server: RunningServer, name: String = "hostile") throws -> Welcome {
    var random = SystemRandomNumberGenerator()
    let token = try JoinURL(text: server.joinURL()).token
    let attachment = Hello.Attachment.new(
      token: Secret(bytes: Array(token.text.utf8)),
      client: RandomID(using: &random),
      process: RandomID(using: &random),
      name: name
    )
    guard case .welcome(let welcome) = try greet(attachment) else {
      throw SocketFailure("the server refuses the token", code: 0)
    }
    return welcome
  }

  /// Says HELLO and gives the answer.
  func greet(_ attachment: Hello.Attachment) throws -> HandshakeAnswer {
    let hello = Hello(
      role: .provider,
      attachment: attachment,
      grants: AnnouncedGrants(sessionBytes: 1 << 40, streams: 1000),
      heartbeat: .seconds(15),
      grace: .seconds(30)
    )
    try send(record: hello.encoded())
    guard case .record(let record) = try next() else {
      throw SocketFailure("no answer to HELLO", code: 0)
    }
    return try HandshakeAnswer(decoding: record)
  }

  /// Tries to resume a session; the code of the refusal, nil where it is not refused.
  func refusalOfResume(
    _ session: RandomID,
    epoch: AttachmentEpoch,
    proof: [UInt8]
  ) throws -> Reject.Code? {
    switch try greet(.resume(session: session, epoch: epoch, proof: proof)) {
    case .welcome: nil
    case .reject(let reject): reject.code
    }
  }

  /// The proof of one who has the secret, for this link.
  func proof(with secret: Secret, epoch: AttachmentEpoch) throws -> [UInt8] {
    ResumeProof.bytes(by: .dialler(.provider), secret: secret, binding: try binding(), epoch: epoch)
  }
}

extension Welcome {
  /// What a new session is resumed with.
  var resumeSecret: Secret? {
    if case .new(let secret) = attachment { secret } else { nil }
  }
}

extension Frame {
  /// DATA of text.
  static func data(_ stream: UInt64, at offset: UInt64, _ text: String, fin: Bool = false) -> Frame
  {
    .data(StreamID(stream), offset: offset, bytes: ByteBuffer(string: text), fin: fin)
  }

  /// OPEN for a service.
  static func open(_ stream: UInt64, service: UInt64 = 1) -> Frame {
    .open(StreamID(stream), OpenRequest(target: .service(service)))
  }
}
