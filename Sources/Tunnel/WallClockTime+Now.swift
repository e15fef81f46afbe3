internal import HawserPrimitives

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Darwin)
internal import Darwin
#endif

extension WallClockTime {
  /// Now, for the expiry of tokens.
  static func now() -> WallClockTime {
    WallClockTime(secondsSince1970: Int64(time(nil)))
  }
}
