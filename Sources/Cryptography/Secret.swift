internal import CSodium

/// Bytes that must not be printed and must not stay in memory: zeroed when the last copy goes.
///
/// Copies of the value share one allocation. It is zeroed, not locked: locked pages are few
/// (`RLIMIT_MEMLOCK`), and a server holds one secret for each of thousands of sessions.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let storage: Storage

  /// Copies `bytes`; zeroing the source is up to the caller.
  package init(bytes: some Collection<UInt8>) {
    storage = Storage(count: bytes.count) { memory in
      _ = UnsafeMutableBufferPointer(start: memory, count: bytes.count).update(from: bytes)
    }
  }

  /// Draws a secret from the system's generator.
  ///
  /// - Parameter count: The number of bytes, from 0.
  /// - Returns: A secret of that many bytes.
  package static func random(count: Int) -> Secret {
    Sodium.prepare()
    return Secret(count: count) { randombytes_buf($0, count) }
  }

  /// Lets `fill` write the zeroed memory in place, so that no other copy of the secret is made.
  init(count: Int, filledBy fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    storage = Storage(count: count, filledBy: fill)
  }

  /// The number of bytes.
  package var count: Int { storage.count }

  /// Lends the bytes for the length of `body`. What `body` copies, it has to zero.
  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(storage.bytes).bytes)
  }

  /// A copy that nothing zeroes or redacts, for writing to a file of mode 0600 or to the peer.
  package var revealedBytes: [UInt8] { Array(storage.bytes) }

  package var description: String { "<secret>" }
  package var debugDescription: String { "<secret>" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  /// Lends a pointer to ``count`` bytes, which is never null, to a call into libsodium.
  func withUnsafePointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    body(UnsafePointer(storage.memory))
  }
}

extension Secret: Equatable {
  /// Compares in constant time for secrets of equal length.
  package static func == (left: Secret, right: Secret) -> Bool {
    constantTimeEqual(left.storage.bytes, right.storage.bytes)
  }
}

/// Owns the memory of a ``Secret`` and zeroes it before giving it back.
///
/// Unchecked because a pointer is not `Sendable`: the memory is written only while the initialiser
/// runs and read-only from then on.
private final class Storage: @unchecked Sendable {
  let memory: UnsafeMutablePointer<UInt8>
  let count: Int

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: memory, count: count) }

  init(count: Int, filledBy fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    memory = .allocate(capacity: count)
    memory.initialize(repeating: 0, count: count)
    self.count = count
    fill(memory)
  }

  deinit {
    sodium_memzero(memory, count)
    memory.deallocate()
  }
}
