package import HawserPrimitives
package import protocol NIOCore.EventLoop
package import struct NIOCore.NIODeadline

extension EventLoop {
  /// The loop's time as the pure modules take it. Read it once per batch of input.
  package var instant: Instant {
    Instant(nanoseconds: Int64(clamping: now.uptimeNanoseconds))
  }
}

extension NIODeadline {
  /// The event loop's form of an instant that came from ``EventLoop/instant``.
  init(_ instant: Instant) {
    self = .uptimeNanoseconds(UInt64(clamping: instant.nanoseconds))
  }
}
