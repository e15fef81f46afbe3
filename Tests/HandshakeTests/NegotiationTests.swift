import HawserCryptography
import HawserHandshake
import HawserPrimitives
import NIOCore
import Testing

struct `The agreement of two peers` {
  private func versions(_ numbers: UInt64...) -> [ProtocolVersion] {
    numbers.map(ProtocolVersion.init(rawValue:))
  }

  @Test func `chooses the highest common version`() throws {
    #expect(
      try Negotiation.version(offered: versions(3, 1, 2), supported: versions(1, 2)).rawValue == 2
    )
    #expect(try Negotiation.version(offered: versions(1)) == .v1)
    #expect(throws: HandshakeError.noCommonVersion(offered: versions(4, 3))) {
      try Negotiation.version(offered: versions(4, 3), supported: versions(1, 2))
    }
    #expect(throws: HandshakeError.noCommonVersion(offered: [])) {
      try Negotiation.version(offered: [])
    }
  }

  @Test func `uses the features of both and refuses critical strangers`() throws {
    func features(_ numbers: UInt64...) -> [Feature] { numbers.map(Feature.init(rawValue:)) }
    #expect(
      try Negotiation.features(offered: features(8, 3, 2, 2), supported: features(2, 3, 4))
        == features(2, 3)
    )
    #expect(throws: HandshakeError.unsupportedFeature(Feature(rawValue: 5))) {
      try Negotiation.features(offered: features(9, 5, 2), supported: features(2, 3))
    }
  }

  @Test func `agrees on the lower grace`() {
    #expect(Negotiation.grace(.seconds(90), .seconds(60)) == .seconds(60))
    #expect(Negotiation.grace(.seconds(0), .seconds(60)) == .zero)
    #expect(Negotiation.grace(.seconds(-5), .seconds(60)) == .zero)
  }

  @Test func `tells a HELLO of the future by its versions, whatever else it holds`() throws {
    var message = RawMessage(type: 1)
    message.append(1, [2, 3])
    message.append(4711, [1, 2, 3])
    do {
      _ = try Hello(decoding: message.buffer)
      Issue.record("accepted")
    } catch {
      #expect(error == .noCommonVersion(offered: versions(2, 3)))
      #expect(error.reject.code == .unsupportedVersion)
      #expect(error.reject.disposition == .giveUp)
    }
  }

  @Test func `lets a HELLO offer versions of the future beside ours`() throws {
    var hello = try Samples.newHello()
    hello.versions = versions(9, 1, 5)
    let decoded = try Hello(decoding: hello.encoded())
    #expect(try Negotiation.version(offered: decoded.versions) == .v1)
  }

  @Test func `answers an undecodable HELLO with a fitting REJECT`() {
    #expect(HandshakeError.truncated.reject.code == .malformed)
    #expect(HandshakeError.unknownCriticalField(id: 99).reject.code == .unsupportedFeature)
    #expect(
      HandshakeError.unsupportedFeature(Feature(rawValue: 3)).reject.code == .unsupportedFeature
    )
  }

  @Test func `makes the dialler check that a WELCOME answers its HELLO`() throws {
    let new = try Samples.newHello()
    let resuming = try Samples.resumingHello()
    var resumed = try Samples.resumedWelcome()
    resumed.grace = .zero
    try Samples.newWelcome().check(against: new)
    try resumed.check(against: resuming)

    func expectRefused(_ hello: Hello, _ change: (inout Welcome) -> Void) throws {
      var welcome = try Samples.newWelcome()
      change(&welcome)
      #expect(throws: HandshakeError.self) { try welcome.check(against: hello) }
    }
    try expectRefused(new) { $0.version = ProtocolVersion(rawValue: 2) }
    try expectRefused(new) { $0.features = [Feature(rawValue: 2)] }
    try expectRefused(new) { $0.grace = .seconds(91) }
    try expectRefused(new) { $0.attachment = .resumed(proof: Samples.proof) }
    try expectRefused(resuming) { $0.grace = .zero }
    let other = try #require(Samples.client)
    resumed.session = other
    #expect(throws: HandshakeError.malformedField(id: 15)) { try resumed.check(against: resuming) }
  }
}

struct `A resume proof` {
  private let secret = Secret(bytes: 0..<32)
  private let binding = [UInt8](32..<64)

  @Test func `verifies for its own prover, secret, binding and epoch only`() {
    let provers: [ResumeProof.Prover] = [.dialler(.provider), .dialler(.forwarder), .server]
    for prover in provers {
      let proof = ResumeProof.bytes(by: prover, secret: secret, binding: binding, epoch: 3)
      func isGood(
        _ proof: [UInt8],
        by prover: ResumeProof.Prover = prover,
        secret: Secret? = nil,
        binding: [UInt8]? = nil,
        epoch: AttachmentEpoch = 3
      ) -> Bool {
        ResumeProof.verify(
          proof,
          by: prover,
          secret: secret ?? self.secret,
          binding: binding ?? self.binding,
          epoch: epoch
        )
      }
      #expect(proof.count == HandshakeLimits.proofBytes)
      #expect(isGood(proof))
      for other in provers where other != prover { #expect(!isGood(proof, by: other)) }
      #expect(!isGood(proof, secret: Secret(bytes: 1..<33)))
      #expect(!isGood(proof, binding: Array(33..<65)))
      #expect(!isGood(proof, epoch: 4))
      #expect(!isGood(Array(proof.dropLast())))
      #expect(!isGood([]))
      for bit in 0..<256 {
        var damaged = proof
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(!isGood(damaged))
      }
    }
  }
}
