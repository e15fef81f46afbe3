import COpenSSL

/// How a client knows that it has reached the right server.
package enum TLSVerification: Sendable, Hashable {
  /// The server's Ed25519 public key is one of these, 32 bytes each. The client then offers no
  /// other kind of signature, so that a server that also has a CA-signed certificate shows its
  /// identity.
  case pinned([[UInt8]])
  /// The server's certificate is valid for the host name or address and signed by a trusted root.
  case webPKI(hostName: String, roots: TrustedRoots = .system)
}

/// Whose signatures make a certificate trusted.
package enum TrustedRoots: Sendable, Hashable {
  /// The system's store (`SSL_CERT_FILE` and `SSL_CERT_DIR` name another one).
  case system
  /// The certificates in this PEM text, and no others.
  case pem([UInt8])
}

/// The keys that a client accepts; stands in for libssl's verification of the chain.
final class PinnedKeys {
  private let keys: [[UInt8]]

  init(_ keys: [[UInt8]]) {
    self.keys = keys
  }

  /// Makes `context` ask this object, which must outlive it, instead of checking the chain. That
  /// the server holds the key's secret half is proved by its signature of the handshake, as always.
  func install(in context: OpaquePointer) {
    SSL_CTX_set_cert_verify_callback(
      context,
      { store, argument in
        guard let store, let argument else { return 0 }
        let pins = Unmanaged<PinnedKeys>.fromOpaque(argument).takeUnretainedValue()
        if let leaf = X509_STORE_CTX_get0_cert(store), pins.contain(keyOf: leaf) { return 1 }
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        return 0
      },
      Unmanaged.passUnretained(self).toOpaque()
    )
  }

  private func contain(keyOf certificate: OpaquePointer) -> Bool {
    Ed25519Key.publicKey(of: certificate).map(keys.contains) ?? false
  }
}

enum Ed25519Key {
  /// The certificate's public key in 32 bytes, `nil` when it is of another kind.
  static func publicKey(of certificate: OpaquePointer) -> [UInt8]? {
    guard let key = X509_get0_pubkey(certificate), EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 else {
      return nil
    }
    var count = TLSLimits.keyBytes
    var bytes = [UInt8](repeating: 0, count: count)
    guard EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1, count == bytes.count else {
      return nil
    }
    return bytes
  }
}
