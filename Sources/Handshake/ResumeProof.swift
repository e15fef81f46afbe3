package import HawserCryptography
package import HawserPrimitives

/// Proves that a peer holds a session's resume secret, on this very link (`PROTOCOL.md`, Resume).
///
/// `HMAC-SHA256(resume secret, label ‖ binding ‖ role u8 ‖ epoch u64)`. The binding makes a proof
/// worthless on any other link; label and role keep one side's proof from being sent back to it.
package enum ResumeProof {
  /// Who proves.
  package enum Prover: Sendable, Hashable {
    /// The side that dialled, in HELLO.
    case dialler(Role)
    /// The side that accepted, in WELCOME.
    case server

    /// ASCII, without a terminator.
    var label: String {
      switch self {
      case .dialler: "hawser/1 dialler resumes"
      case .server: "hawser/1 server resumes"
      }
    }

    /// The role's number as in HELLO; 0 for the server.
    var roleNumber: UInt8 {
      switch self {
      case .dialler(let role): role.rawValue
      case .server: 0
      }
    }
  }

  /// Makes a proof.
  ///
  /// - Parameters:
  ///   - prover: Who proves.
  ///   - secret: The session's resume secret.
  ///   - binding: The link's TLS exporter value or Noise handshake hash.
  ///   - epoch: The attachment's epoch.
  /// - Returns: ``HandshakeLimits/proofBytes`` bytes.
  package static func bytes(
    by prover: Prover,
    secret: Secret,
    binding: [UInt8],
    epoch: AttachmentEpoch
  ) -> [UInt8] {
    HMACSHA256.authenticate(message(by: prover, binding: binding, epoch: epoch), key: secret)
  }

  /// Whether `proof` is the one that `prover` would make; in constant time.
  package static func verify(
    _ proof: [UInt8],
    by prover: Prover,
    secret: Secret,
    binding: [UInt8],
    epoch: AttachmentEpoch
  ) -> Bool {
    HMACSHA256.verify(
      proof,
      of: message(by: prover, binding: binding, epoch: epoch),
      key: secret
    )
  }

  private static func message(
    by prover: Prover,
    binding: [UInt8],
    epoch: AttachmentEpoch
  ) -> [UInt8] {
    let epochBytes = stride(from: 56, through: 0, by: -8).map { UInt8(epoch >> $0 & 0xFF) }
    return Array(prover.label.utf8) + binding + [prover.roleNumber] + epochBytes
  }
}
