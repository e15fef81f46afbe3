internal import CSodium

/// Base64 with the URL-safe alphabet and without padding (RFC 4648 §5).
package enum Base64URL {
  /// The text of `bytes`; no look-up depends on their values.
  package static func encode(_ bytes: some Collection<UInt8>) -> String {
    Sodium.prepare()
    return withContiguousBytes(of: bytes) { bytes in
      let capacity = sodium_base64_encoded_len(bytes.count, variant)
      var text = [CChar](repeating: 0, count: capacity)
      _ = sodium_bin2base64(&text, capacity, bytes.baseAddress, bytes.count, variant)
      // libsodium counts and writes the terminating zero, which a Swift string doesn't have.
      return String(decoding: text.dropLast().lazy.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  /// The bytes of `text`.
  ///
  /// - Throws: ``CryptographyError/invalidBase64URL`` for any character outside the alphabet,
  ///   padding, or bits left over.
  package static func decode(_ text: some StringProtocol) throws(CryptographyError) -> [UInt8] {
    Sodium.prepare()
    // libsodium 1.0.18 takes some characters outside ASCII for ones of the alphabet.
    guard text.utf8.allSatisfy({ $0 < 0x80 }) else { throw .invalidBase64URL }
    let characters = text.utf8.map { CChar(bitPattern: $0) }
    // Four characters make three bytes; a last group of two or three makes one or two.
    var bytes = [UInt8](repeating: 0, count: characters.count / 4 * 3 + 2)
    var decodedCount = 0
    let status = sodium_base642bin(
      &bytes,
      bytes.count,
      characters,
      characters.count,
      nil,
      &decodedCount,
      nil,
      variant
    )
    guard status == 0 else { throw .invalidBase64URL }
    return Array(bytes.prefix(decodedCount))
  }

  private static let variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING
}
