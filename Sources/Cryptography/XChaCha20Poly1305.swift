internal import CSodium

/// ChaCha20-Poly1305 with a nonce so long that it can be drawn at random
/// (draft-irtf-cfrg-xchacha).
package enum XChaCha20Poly1305 {
  /// The length of a nonce, in bytes.
  package static let nonceByteCount = 24
  /// The length of a tag, in bytes.
  package static let tagByteCount = 16

  /// Encrypts a message. O(n).
  ///
  /// - Parameters:
  ///   - plaintext: Any bytes.
  ///   - additionalData: What is authenticated, too, and known to the reader.
  ///   - nonce: ``nonceByteCount`` bytes, never used before with this key.
  ///   - key: 32 bytes.
  /// - Returns: The ciphertext followed by the tag.
  package static func seal(
    _ plaintext: [UInt8],
    additionalData: [UInt8],
    nonce: [UInt8],
    key: Secret
  ) -> [UInt8] {
    Sodium.prepare()
    precondition(nonce.count == nonceByteCount && key.count == 32)
    var sealed = [UInt8](repeating: 0, count: plaintext.count + tagByteCount)
    key.withUnsafePointer { key in
      _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
        &sealed,
        nil,
        plaintext,
        UInt64(plaintext.count),
        additionalData,
        UInt64(additionalData.count),
        nil,
        nonce,
        key
      )
    }
    return sealed
  }

  /// The plaintext, `nil` when `sealed` is not authentic. O(n).
  ///
  /// The parameters are those of ``seal(_:additionalData:nonce:key:)``.
  package static func open(
    _ sealed: [UInt8],
    additionalData: [UInt8],
    nonce: [UInt8],
    key: Secret
  ) -> [UInt8]? {
    Sodium.prepare()
    guard sealed.count >= tagByteCount, nonce.count == nonceByteCount, key.count == 32 else {
      return nil
    }
    var plaintext = [UInt8](repeating: 0, count: sealed.count - tagByteCount)
    let status = key.withUnsafePointer { key in
      crypto_aead_xchacha20poly1305_ietf_decrypt(
        &plaintext,
        nil,
        nil,
        sealed,
        UInt64(sealed.count),
        additionalData,
        UInt64(additionalData.count),
        nonce,
        key
      )
    }
    return status == 0 ? plaintext : nil
  }
}
