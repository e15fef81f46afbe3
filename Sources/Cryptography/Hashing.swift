internal import CSodium

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
  /// The length of a digest, in bytes.
  package static let byteCount = 32

  /// The digest of `message`, ``byteCount`` bytes. O(n).
  package static func hash(_ message: some Collection<UInt8>) -> [UInt8] {
    Sodium.prepare()
    var digest = [UInt8](repeating: 0, count: byteCount)
    withContiguousBytes(of: message) { bytes in
      _ = crypto_hash_sha256(&digest, bytes.baseAddress, UInt64(bytes.count))
    }
    return digest
  }
}

extension SHA256 {
  /// The digest of a secret, ``byteCount`` bytes, made without a copy of it. O(n).
  package static func hash(_ secret: Secret) -> [UInt8] {
    Sodium.prepare()
    var digest = [UInt8](repeating: 0, count: byteCount)
    secret.withUnsafePointer { bytes in
      _ = crypto_hash_sha256(&digest, bytes, UInt64(secret.count))
    }
    return digest
  }
}

/// HMAC-SHA256 (RFC 2104).
package enum HMACSHA256 {
  /// The length of an authentication code, in bytes.
  package static let byteCount = 32

  /// The authentication code of `message`, ``byteCount`` bytes. O(n).
  ///
  /// The key may have any length; 32 bytes is the usual one.
  package static func authenticate(_ message: some Collection<UInt8>, key: Secret) -> [UInt8] {
    Sodium.prepare()
    var state = crypto_auth_hmacsha256_state()
    defer { sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size) }
    key.withUnsafePointer { bytes in
      _ = crypto_auth_hmacsha256_init(&state, bytes, key.count)
    }
    withContiguousBytes(of: message) { bytes in
      _ = crypto_auth_hmacsha256_update(&state, bytes.baseAddress, UInt64(bytes.count))
    }
    var code = [UInt8](repeating: 0, count: byteCount)
    crypto_auth_hmacsha256_final(&state, &code)
    return code
  }

  /// Whether `code` is the authentication code of `message`; compared in constant time.
  package static func verify(
    _ code: some Collection<UInt8>,
    of message: some Collection<UInt8>,
    key: Secret
  ) -> Bool {
    constantTimeEqual(code, authenticate(message, key: key))
  }
}

/// Whether both have the same bytes, in a time that depends on their lengths only.
///
/// Different lengths are unequal at once: a length is no secret here.
package func constantTimeEqual(
  _ left: some Collection<UInt8>,
  _ right: some Collection<UInt8>
) -> Bool {
  Sodium.prepare()
  return withContiguousBytes(of: left) { left in
    withContiguousBytes(of: right) { right in
      guard left.count == right.count else { return false }
      guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return true }
      return sodium_memcmp(leftBase, rightBase, left.count) == 0
    }
  }
}
