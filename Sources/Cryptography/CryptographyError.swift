/// What can be wrong with key material or encoded text that came from outside.
package enum CryptographyError: Error, Equatable, CustomStringConvertible {
  /// Key material has the wrong length; both counts are bytes.
  case wrongLength(what: String, expected: Int, actual: Int)
  /// The bytes are not a usable Ed25519 public key (not a point, or one of low order).
  case invalidPublicKey
  /// The bytes are an X25519 public key with which every private key gives the same secret.
  case invalidAgreementKey
  /// The text is not base64url without padding (RFC 4648 §5).
  case invalidBase64URL

  package var description: String {
    switch self {
    case .wrongLength(let what, let expected, let actual):
      "the \(what) must have \(expected) bytes, not \(actual)"
    case .invalidPublicKey: "the bytes are not a valid Ed25519 public key"
    case .invalidAgreementKey: "the bytes are not a usable X25519 public key"
    case .invalidBase64URL: "the text is not base64url without padding"
    }
  }
}
