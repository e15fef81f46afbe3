import COpenSSL
import COpenSSLShims

/// What all connections of one kind have in common: certificates, keys, whom to trust.
///
/// TLS 1.3 only, ALPN `hawser/1` only, no resumption. Not `Sendable`: make one where it is used.
package final class TLSContext {
  /// Which end of a connection this is.
  enum Side {
    case server
    case client(TLSVerification)
  }

  let pointer: OpaquePointer
  let side: Side
  let pipeMethod: CiphertextPipeMethod
  /// Retained here because libssl holds it by its address.
  private let pins: PinnedKeys?

  deinit { SSL_CTX_free(pointer) }

  /// A server that shows a self-signed certificate of its Ed25519 identity.
  ///
  /// - Parameters:
  ///   - ed25519Seed: The 32 bytes that the identity's secret key is made of. Read in place if the
  ///     collection is contiguous, and not kept but within libcrypto.
  ///   - authoritySigned: A certificate chain that clients other than pinning ones get.
  /// - Returns: What accepted connections are made with.
  /// - Throws: ``TLSError/invalidSeed``, ``TLSError/unusableCertificate(_:)``,
  ///   ``TLSError/library(_:)``.
  package static func server(
    ed25519Seed: some Collection<UInt8>,
    authoritySigned: AuthoritySignedCertificate? = nil
  ) throws(TLSError) -> TLSContext {
    let context = try TLSContext(side: .server, pins: nil)
    let key = try PrivateKey(ed25519Seed: ed25519Seed)
    let certificate = try Certificate.identity(of: key)
    try context.use(certificate, key)
    if let authoritySigned { try context.use(authoritySigned) }
    context.requireApplicationProtocol()
    return context
  }

  /// A client that accepts the servers that `verification` describes.
  ///
  /// - Throws: ``TLSError/unusableCertificate(_:)`` for roots that can't be read,
  ///   ``TLSError/library(_:)``.
  package static func client(_ verification: TLSVerification) throws(TLSError) -> TLSContext {
    switch verification {
    case .pinned(let keys):
      let pins = PinnedKeys(keys)
      let context = try TLSContext(side: .client(verification), pins: pins)
      pins.install(in: context.pointer)
      try check(hawser_SSL_CTX_set1_sigalgs_list(context.pointer, "ed25519"))
      return context
    case .webPKI(_, let roots):
      let context = try TLSContext(side: .client(verification), pins: nil)
      try context.trust(roots)
      return context
    }
  }

  private init(side: Side, pins: PinnedKeys?) throws(TLSError) {
    LibraryErrors.clear()
    let pipeMethod = try CiphertextPipeMethod()
    let method =
      switch side {
      case .server: TLS_server_method()
      case .client: TLS_client_method()
      }
    guard let pointer = SSL_CTX_new(method) else { throw .library(LibraryErrors.reason()) }
    self.pointer = pointer
    self.side = side
    self.pipeMethod = pipeMethod
    self.pins = pins
    try configure()
  }

  private func configure() throws(TLSError) {
    try Self.check(hawser_SSL_CTX_set_min_proto_version(pointer, TLS1_3_VERSION))
    try Self.check(hawser_SSL_CTX_set1_groups_list(pointer, "X25519:P-256"))
    try Self.check(SSL_CTX_set_num_tickets(pointer, 0))
    SSL_CTX_set_options(pointer, hawser_SSL_options())
    // Buffers are returned while a link is idle: 34 KiB each otherwise.
    _ = hawser_SSL_CTX_set_mode(
      pointer,
      Int(SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN)
    )
    _ = hawser_SSL_CTX_set_session_cache_mode(pointer, Int(SSL_SESS_CACHE_OFF))
    switch side {
    case .server:
      SSL_CTX_set_options(pointer, hawser_SSL_server_options())
      // The identity last: only who accepts nothing else, a pinning client, gets it when there is
      // a CA-signed certificate too.
      try Self.check(
        hawser_SSL_CTX_set1_sigalgs_list(
          pointer,
          "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:"
            + "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
            + "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:ed25519"
        )
      )
    case .client:
      SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
      let name = Array(TLSLimits.applicationProtocol.utf8)
      let list = [UInt8(name.count)] + name
      // The one function of libssl that returns 0 for success.
      guard SSL_CTX_set_alpn_protos(pointer, list, UInt32(list.count)) == 0 else {
        throw .library(LibraryErrors.reason())
      }
    }
  }

  private func use(
    _ certificate: borrowing Certificate,
    _ key: borrowing PrivateKey
  ) throws(TLSError) {
    LibraryErrors.clear()
    guard
      SSL_CTX_use_certificate(pointer, certificate.pointer) == 1,
      SSL_CTX_use_PrivateKey(pointer, key.pointer) == 1,
      SSL_CTX_check_private_key(pointer) == 1
    else { throw .unusableCertificate(LibraryErrors.reason()) }
  }

  private func use(_ authoritySigned: AuthoritySignedCertificate) throws(TLSError) {
    let key = try PrivateKey(pem: authoritySigned.privateKeyPEM)
    guard EVP_PKEY_get_id(key.pointer) != EVP_PKEY_ED25519 else {
      // It would take the identity's place.
      throw .unusableCertificate("a CA-signed certificate must have an ECDSA or RSA key")
    }
    let chain = try MemoryReader(authoritySigned.chainPEM)
    guard let leaf = try chain.nextCertificate() else {
      throw .unusableCertificate("the chain has no certificate")
    }
    try use(leaf, key)
    var count = 1
    while let issuer = try chain.nextCertificate() {
      count += 1
      guard count <= TLSLimits.chainCertificates else {
        throw .unusableCertificate("more than \(TLSLimits.chainCertificates) certificates")
      }
      guard hawser_SSL_CTX_add1_chain_cert(pointer, issuer.pointer) == 1 else {
        throw .unusableCertificate(LibraryErrors.reason())
      }
    }
  }

  private func trust(_ roots: TrustedRoots) throws(TLSError) {
    LibraryErrors.clear()
    switch roots {
    case .system:
      try Self.check(SSL_CTX_set_default_verify_paths(pointer))
    case .pem(let bytes):
      let reader = try MemoryReader(bytes)
      let store = SSL_CTX_get_cert_store(pointer)
      while let root = try reader.nextCertificate() {
        guard X509_STORE_add_cert(store, root.pointer) == 1 else {
          throw .unusableCertificate(LibraryErrors.reason())
        }
      }
    }
  }

  private func requireApplicationProtocol() {
    // A ClientHello without the extension never reaches the selection below; refusing it here costs
    // no signature.
    SSL_CTX_set_client_hello_cb(
      pointer,
      { ssl, alert, _ in
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        let type = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
        if SSL_client_hello_get0_ext(ssl, type, &bytes, &count) == 1 {
          return SSL_CLIENT_HELLO_SUCCESS
        }
        alert?.pointee = SSL_AD_NO_APPLICATION_PROTOCOL
        return SSL_CLIENT_HELLO_ERROR
      },
      nil
    )
    SSL_CTX_set_alpn_select_cb(
      pointer,
      { _, chosen, chosenCount, offered, offeredCount, _ in
        let offers = UnsafeBufferPointer(start: offered, count: Int(offeredCount))
        var index = 0
        while index < offers.count {
          let start = index + 1
          let end = start + Int(offers[index])
          guard end <= offers.count else { break }
          if offers[start..<end].elementsEqual(TLSLimits.applicationProtocol.utf8) {
            chosen?.pointee = offered.map { $0 + start }
            chosenCount?.pointee = offers[index]
            return SSL_TLSEXT_ERR_OK
          }
          index = end
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
      },
      nil
    )
  }

  private static func check(_ result: Int32) throws(TLSError) {
    guard result == 1 else { throw .library(LibraryErrors.reason()) }
  }
}

/// A certificate chain signed by an authority that clients know, and its key.
package struct AuthoritySignedCertificate: Sendable {
  /// The leaf, then its issuers; PEM.
  package var chainPEM: [UInt8]
  /// The leaf's key, ECDSA or RSA, not encrypted; PEM.
  package var privateKeyPEM: [UInt8]

  /// - Parameters:
  ///   - chainPEM: The leaf, then its issuers.
  ///   - privateKeyPEM: The leaf's key, ECDSA or RSA, not encrypted.
  package init(chainPEM: [UInt8], privateKeyPEM: [UInt8]) {
    self.chainPEM = chainPEM
    self.privateKeyPEM = privateKeyPEM
  }
}
