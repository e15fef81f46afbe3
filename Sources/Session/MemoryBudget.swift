/// What all sessions of a process may hold together; confined to their event loop.
///
/// Each session bounds itself; this bounds their sum, so that many sessions cannot do together
/// what one may not do alone.
package final class MemoryBudget {
  private let receiveLimit: Int
  private let retainLimit: Int

  /// Credit given to streams above the initial one, in bytes.
  package private(set) var receiveBytes = 0
  /// Bytes retained for sending.
  package private(set) var retainedBytes = 0

  /// - Parameters:
  ///   - receiveBytes: Most credit above the initial one, over all streams. Default 256 MiB.
  ///   - retainedBytes: Retained bytes above which a stream gets no more than its guarantee.
  ///     Default 256 MiB.
  package init(receiveBytes: Int = 256 << 20, retainedBytes: Int = 256 << 20) {
    receiveLimit = receiveBytes
    retainLimit = retainedBytes
  }

  /// Whether retained data still leaves room above the guarantees.
  var hasRoomToRetain: Bool { retainedBytes < retainLimit }

  /// Takes `bytes` of growth for a receiving window, or nothing.
  func reserveReceive(_ bytes: Int) -> Bool {
    guard receiveBytes + bytes <= receiveLimit else { return false }
    receiveBytes += bytes
    return true
  }

  func releaseReceive(_ bytes: Int) {
    receiveBytes -= bytes
    assert(receiveBytes >= 0)
  }

  func adjustRetained(by bytes: Int) {
    retainedBytes += bytes
    assert(retainedBytes >= 0)
  }
}
