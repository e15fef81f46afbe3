internal import CSodium

/// HKDF with SHA-256 (RFC 5869).
package enum KeyDerivation {
  /// The length of each derived secret, in bytes.
  package static let secretByteCount = HMACSHA256.byteCount

  /// Derives secrets of ``secretByteCount`` bytes each.
  ///
  /// - Parameters:
  ///   - count: How many; from 1 to 255.
  ///   - salt: The chaining key of a protocol that has one. It may have any length.
  ///   - input: The new key material. It may have any length.
  ///   - information: What sets these secrets apart from others of the same input.
  /// - Returns: The secrets in the order of the output of HKDF.
  package static func secrets(
    _ count: UInt8,
    salt: Secret,
    input: Secret,
    information: [UInt8] = []
  ) -> [Secret] {
    let extracted = code(key: salt) { update in input.withUnsafePointer { update($0, input.count) }
    }
    var secrets: [Secret] = []
    for number in 1...max(1, count) {
      let previous = secrets.last
      secrets.append(
        code(key: extracted) { update in
          previous?.withUnsafePointer { update($0, secretByteCount) }
          information.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress { update(base, bytes.count) }
          }
          withUnsafePointer(to: number) { update($0, 1) }
        }
      )
    }
    return secrets
  }

  /// The HMAC over the pieces that `feed` hands to its argument.
  private static func code(
    key: Secret,
    feed: ((UnsafePointer<UInt8>, Int) -> Void) -> Void
  ) -> Secret {
    Sodium.prepare()
    var state = crypto_auth_hmacsha256_state()
    defer { sodium_memzero(&state, MemoryLayout<crypto_auth_hmacsha256_state>.size) }
    key.withUnsafePointer { _ = crypto_auth_hmacsha256_init(&state, $0, key.count) }
    feed { bytes, count in _ = crypto_auth_hmacsha256_update(&state, bytes, UInt64(count)) }
    return Secret(count: secretByteCount) { _ = crypto_auth_hmacsha256_final(&state, $0) }
  }
}
