/// Why a TLS context could not be made, or a TLS connection ended otherwise than by a clean close.
package enum TLSError: Error, Sendable, Hashable {
  /// The server's Ed25519 key is none of the pinned ones: another server, or someone in between.
  case wrongServerKey
  /// The server's certificate is not trusted for the host name; libcrypto's reason.
  case untrustedCertificate(String)
  /// The peer offered or chose no application protocol, or not `hawser/1`.
  case wrongApplicationProtocol
  /// The peer does not speak TLS 1.3.
  case unsupportedVersion
  /// What arrived is not TLS at all: plain HTTP, random bytes, another protocol.
  case notTLS
  /// The peer gave up with this alert (RFC 8446 §6.2) that has no case of its own here.
  case alertReceived(UInt8)
  /// The connection ended without the peer's close_notify: bytes may be missing.
  case truncated
  /// Something was to be written after this side's close_notify, or after a failure.
  case alreadyClosed
  /// The identity's secret seed is not 32 bytes.
  case invalidSeed
  /// A certificate chain, its key or the trusted roots cannot be used; libcrypto's reason.
  case unusableCertificate(String)
  /// Any other failure, with libssl's reason.
  case library(String)
}

extension TLSError: CustomStringConvertible {
  /// One sentence for a log line or an operator.
  package var description: String {
    switch self {
    case .wrongServerKey: "the server's key is not the one in the join URL"
    case .untrustedCertificate(let reason): "the server's certificate is not trusted: \(reason)"
    case .wrongApplicationProtocol: "the peer does not speak hawser/1"
    case .unsupportedVersion: "the peer does not speak TLS 1.3"
    case .notTLS: "the peer does not speak TLS"
    case .alertReceived(let alert): "the peer refused the TLS connection with alert \(alert)"
    case .truncated: "the connection ended without a TLS close_notify"
    case .alreadyClosed: "the TLS connection is already closed"
    case .invalidSeed: "an Ed25519 seed must be 32 bytes"
    case .unusableCertificate(let reason): "the certificate cannot be used: \(reason)"
    case .library(let reason): "TLS failed: \(reason)"
    }
  }
}
