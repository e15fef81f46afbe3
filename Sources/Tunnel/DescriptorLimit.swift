#if canImport(Glibc)
internal import Glibc
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The process's limit on open files and sockets.
enum DescriptorLimit {
  /// Raises the soft limit to the hard one; each client of a server costs a descriptor.
  ///
  /// - Returns: The limit that counts now.
  static func raise() -> Int {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return fallback }
    let soft = limit.rlim_cur
    limit.rlim_cur = limit.rlim_max
    let current = setrlimit(resource, &limit) == 0 ? limit.rlim_max : soft
    return Int(clamping: current)
  }

  /// What POSIX systems give at the least in practice.
  private static let fallback = 1024

  #if canImport(Glibc)
  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
  private static let resource = RLIMIT_NOFILE
  #endif
}
