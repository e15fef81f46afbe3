import COpenSSL
import COpenSSLShims

/// Owns a libcrypto key.
struct PrivateKey: ~Copyable {
  let pointer: OpaquePointer

  deinit { EVP_PKEY_free(pointer) }

  /// The Ed25519 key of a seed.
  init(ed25519Seed seed: some Collection<UInt8>) throws(TLSError) {
    guard seed.count == TLSLimits.keyBytes else { throw .invalidSeed }
    LibraryErrors.clear()
    // A collection that is stored in one piece is read where it lies: no copy of the secret
    // remains.
    let direct = seed.withContiguousStorageIfAvailable(Self.ed25519)
    let key = direct ?? Array(seed).withUnsafeBufferPointer(Self.ed25519)
    guard let key else { throw .unusableCertificate(LibraryErrors.reason()) }
    pointer = key
  }

  /// The first private key in `pem`, not encrypted.
  init(pem: [UInt8]) throws(TLSError) {
    LibraryErrors.clear()
    let bio = try MemoryReader(pem)
    // Without a callback libcrypto would ask for a password on the terminal.
    guard let key = PEM_read_bio_PrivateKey(bio.pointer, nil, { _, _, _, _ in -1 }, nil) else {
      throw .unusableCertificate("private key: \(LibraryErrors.reason())")
    }
    pointer = key
  }

  private static func ed25519(_ seed: UnsafeBufferPointer<UInt8>) -> OpaquePointer? {
    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed.baseAddress, seed.count)
  }
}

/// Owns an X.509 certificate.
struct Certificate: ~Copyable {
  let pointer: OpaquePointer

  deinit { X509_free(pointer) }

  /// Takes over what libcrypto made.
  init(owning pointer: OpaquePointer) {
    self.pointer = pointer
  }

  /// The certificate of a server's identity: self-signed, and byte for byte the same each time it
  /// is made, for Ed25519 signatures are deterministic and nothing else in it varies. Nobody checks
  /// its dates or name; pinning clients compare the key.
  static func identity(of key: borrowing PrivateKey) throws(TLSError) -> Certificate {
    LibraryErrors.clear()
    guard let made = X509_new() else { throw .unusableCertificate(LibraryErrors.reason()) }
    let certificate = Certificate(owning: made)
    let name = X509_get_subject_name(made)
    let complete =
      X509_set_version(made, 2) == 1  // X.509 v3
      && ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1
      && ASN1_TIME_set_string(X509_getm_notBefore(made), "20200101000000Z") == 1
      // RFC 5280 §4.1.2.5: "no well-defined expiration date".
      && ASN1_TIME_set_string(X509_getm_notAfter(made), "99991231235959Z") == 1
      && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "hawser", -1, -1, 0) == 1
      && X509_set_issuer_name(made, name) == 1
      && X509_set_pubkey(made, key.pointer) == 1
      && X509_sign(made, key.pointer, nil) > 0
    guard complete else { throw .unusableCertificate(LibraryErrors.reason()) }
    return certificate
  }
}

/// Reads PEM from memory; owns the BIO and the bytes under it.
final class MemoryReader {
  let pointer: OpaquePointer

  init(_ bytes: [UInt8]) throws(TLSError) {
    guard bytes.count <= TLSLimits.pemBytes else {
      throw .unusableCertificate("longer than \(TLSLimits.pemBytes) bytes")
    }
    guard let bio = BIO_new(BIO_s_mem()) else { throw .library(LibraryErrors.reason()) }
    pointer = bio
    guard BIO_write(bio, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
      throw .library(LibraryErrors.reason())
    }
  }

  deinit { BIO_free(pointer) }

  /// The next certificate, `nil` when there is none.
  ///
  /// - Throws: ``TLSError/unusableCertificate(_:)`` when there is one that can't be read.
  func nextCertificate() throws(TLSError) -> Certificate? {
    LibraryErrors.clear()
    if let read = PEM_read_bio_X509(pointer, nil, { _, _, _, _ in -1 }, nil) {
      return Certificate(owning: read)
    }
    let code = ERR_peek_last_error()
    let atEnd =
      hawser_ERR_GET_LIB(code) == ERR_LIB_PEM && hawser_ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    guard atEnd else { throw .unusableCertificate(LibraryErrors.reason()) }
    return nil
  }
}
