internal import CSodium

/// The door to libsodium: every wrapper of this module asks it before its first call.
enum Sodium {
  /// Initialises libsodium once for the process (`sodium_init` is safe to call from any thread).
  ///
  /// `sodium_init` fails only when its own lock can't be taken. Without it no secret could be drawn
  /// safely, so the process must not go on.
  static func prepare() {
    precondition(isInitialised, "libsodium could not be initialised")
  }

  private static let isInitialised = sodium_init() >= 0
}

/// Calls `body` with the bytes of `collection` in one piece, copied only when they are not already.
func withContiguousBytes<Result>(
  of collection: some Collection<UInt8>,
  _ body: (UnsafeBufferPointer<UInt8>) -> Result
) -> Result {
  if let result = collection.withContiguousStorageIfAvailable(body) { return result }
  var copy = Array(collection)
  // The collection may hold a secret; the copy must not outlive this call.
  defer { copy.withUnsafeMutableBytes { sodium_memzero($0.baseAddress, $0.count) } }
  return copy.withUnsafeBufferPointer(body)
}
