internal import CSodium

/// The system's cryptographic random generator.
///
/// The pure cores take random bytes as arguments; the shell draws them here, for example
/// `RandomID(using: &generator)` with `var generator = SecureRandom()`.
package struct SecureRandom: RandomNumberGenerator, Sendable {
  package init() {}

  package mutating func next() -> UInt64 {
    Sodium.prepare()
    var word: UInt64 = 0
    randombytes_buf(&word, MemoryLayout<UInt64>.size)
    return word
  }

  /// Draws bytes that are not secret, such as a nonce; see ``Secret/random(count:)`` for keys.
  ///
  /// - Parameter count: The number of bytes, from 0.
  /// - Returns: That many bytes.
  package static func bytes(count: Int) -> [UInt8] {
    Sodium.prepare()
    var bytes = [UInt8](repeating: 0, count: count)
    randombytes_buf(&bytes, count)
    return bytes
  }
}
