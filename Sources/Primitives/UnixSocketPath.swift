/// What the system allows as the path of a Unix socket.
package enum UnixSocketPath {
  #if os(Linux)
  /// In bytes: `sun_path` less its final zero (unix(7)).
  package static let maximumLength = 107
  #else
  /// In bytes: `sun_path` less its final zero (unix(4)).
  package static let maximumLength = 103
  #endif
}
