import HawserTLS
import NIOCore

/// The identity that servers in these tests have, and its public key.
enum TestIdentity {
  static let seed = [UInt8](repeating: 7, count: 32)
  static let publicKey: [UInt8] = [
    0xEA, 0x4A, 0x6C, 0x63, 0xE2, 0x9C, 0x52, 0x0A, 0xBE, 0xF5, 0x50, 0x7B, 0x13, 0x2E, 0xC5, 0xF9,
    0x95, 0x47, 0x76, 0xAE, 0xBE, 0xBE, 0x7B, 0x92, 0x42, 0x1E, 0xEA, 0x69, 0x14, 0x46, 0xD2, 0x2C,
  ]
}

/// Two engines whose ciphertext is passed between them in memory.
struct EnginePair {
  let client: TLSEngine
  let server: TLSEngine
  /// What each has received in plaintext.
  var toClient = ByteBuffer()
  var toServer = ByteBuffer()

  init(
    verification: TLSVerification = .pinned([TestIdentity.publicKey]),
    authoritySigned: AuthoritySignedCertificate? = nil,
    recordsPerKey: Int = TLSLimits.recordsPerKey
  ) throws {
    client = try TLSEngine(
      context: .client(verification),
      recordsPerKey: recordsPerKey
    )
    server = try TLSEngine(
      context: .server(ed25519Seed: TestIdentity.seed, authoritySigned: authoritySigned),
      recordsPerKey: recordsPerKey
    )
  }

  /// A pair whose handshake is done.
  static func open(
    verification: TLSVerification = .pinned([TestIdentity.publicKey]),
    recordsPerKey: Int = TLSLimits.recordsPerKey
  ) throws -> EnginePair {
    var pair = try EnginePair(verification: verification, recordsPerKey: recordsPerKey)
    try pair.client.start()
    try pair.exchange()
    return pair
  }

  /// Passes ciphertext both ways, at most `pieceBytes` at once, until neither has any.
  mutating func exchange(pieceBytes: Int = .max) throws {
    while true {
      let fromClient = client.takeCiphertext()
      if let fromClient {
        try fromClient.pieces(of: pieceBytes) { try server.receive($0, into: &toServer) }
      }
      let fromServer = server.takeCiphertext()
      if let fromServer {
        try fromServer.pieces(of: pieceBytes) { try client.receive($0, into: &toClient) }
      }
      if fromClient == nil, fromServer == nil { return }
    }
  }

  /// Passes ciphertext both ways until neither has any, and collects what each of them throws.
  mutating func exchangeUntilOver() -> (client: TLSError?, server: TLSError?) {
    var clientError: TLSError?
    var serverError: TLSError?
    while true {
      let fromClient = client.takeCiphertext()
      if let fromClient {
        do { try server.receive(fromClient, into: &toServer) } catch { serverError = error }
      }
      let fromServer = server.takeCiphertext()
      if let fromServer {
        do { try client.receive(fromServer, into: &toClient) } catch { clientError = error }
      }
      if fromClient == nil, fromServer == nil { return (clientError, serverError) }
    }
  }
}

extension ByteBuffer {
  func pieces(of bytes: Int, _ body: (ByteBuffer) throws -> Void) rethrows {
    var rest = self
    while let piece = rest.readSlice(length: Swift.min(bytes, rest.readableBytes)),
      piece.readableBytes > 0
    {
      try body(piece)
    }
  }
}
