/// Constants of the TLS layer; the ones that both ends must agree on are *specified*
/// (`PROTOCOL.md`, Links, `tcp`), the others *chosen*.
package enum TLSLimits {
  /// Specified: the application protocol that both ends must name (RFC 7301).
  package static let applicationProtocol = "hawser/1"
  /// Specified: the label of the link's binding (RFC 8446 §7.5); no context.
  package static let bindingLabel = "EXPORTER-hawser-link-binding"
  /// Specified: the length of the binding in bytes.
  package static let bindingBytes = 32
  /// Specified: the length of an Ed25519 public key, and of the seed of a secret one, in bytes.
  package static let keyBytes = 32
  /// Specified: the plaintext bytes of one TLS record (RFC 8446 §5.1).
  package static let recordBytes = 16_384
  /// The bytes that encryption adds to a record: header 5, content type 1, tag 16.
  package static let recordOverhead = 22
  /// Chosen: records after which this side changes its keys. AES-GCM allows 2²⁴·⁵ full ones
  /// (RFC 8446 §5.5); a change costs microseconds, so there is no need to go near.
  package static let recordsPerKey = 1 << 22
  /// Chosen: what a PEM chain, key or set of roots may have, in bytes: the largest system stores
  /// have a quarter of it.
  package static let pemBytes = 1024 * 1024
  /// Chosen: certificates of a server's chain. Public authorities send two to four.
  package static let chainCertificates = 10
}
