internal import Foundation

/// What can be wrong with the state directory and its files. Each message says what to do where the
/// operator can do something.
package enum StorageError: Error, Equatable, CustomStringConvertible {
  /// There is no such directory, and the command doesn't make one.
  case directoryMissing(path: String)
  /// The path names something else.
  case notADirectory(path: String)
  /// Somebody else could put files into the directory.
  case directoryWritableByOthers(path: String)
  /// The directory belongs to another user.
  case directoryOfAnotherUser(path: String)
  /// The path of the admin socket inside would be longer than the system allows; both in bytes.
  case directoryPathTooLong(path: String, length: Int, maximum: Int)
  /// A file that holds a secret could be read by others.
  case fileReadableByOthers(path: String)
  /// Another server uses the directory.
  case inUse(path: String)
  /// The identity file is not what was written to it.
  case identityCorrupted(path: String, reason: String)
  /// There are tokens, but the identity that their join URLs pin is gone.
  case identityMissing(path: String)
  /// A small file that can be deleted without harm is not what was written to it.
  case fileCorrupted(path: String)
  /// The credential store was written by a later version.
  case storeTooNew(path: String)
  /// The credential store can't be opened or read.
  case storeUnavailable(path: String, reason: String)
  /// A system call failed.
  case system(operation: String, path: String, code: Int32)

  package var description: String {
    switch self {
    case .directoryMissing(let path): "there is no state directory ‘\(path)’"
    case .notADirectory(let path): "‘\(path)’ is not a directory"
    case .directoryWritableByOthers(let path):
      "others can write to the state directory ‘\(path)’; run: chmod go-w '\(path)'"
    case .directoryOfAnotherUser(let path): "the state directory ‘\(path)’ belongs to another user"
    case .directoryPathTooLong(let path, let length, let maximum):
      "the state directory ‘\(path)’ is too deep: its admin socket's path would have \(length) "
        + "bytes, but the system allows \(maximum); choose a shorter one"
    case .fileReadableByOthers(let path):
      "others can read ‘\(path)’, which holds a secret; run: chmod 600 '\(path)'"
    case .inUse(let path): "another server uses the state directory ‘\(path)’"
    case .identityCorrupted(let path, let reason):
      "the identity file ‘\(path)’ \(reason); restore it from a copy, since providers trust it"
    case .identityMissing(let path):
      "the identity file ‘\(path)’ is missing though tokens exist whose join URLs name it; "
        + "restore it from a copy, or choose an empty state directory to start anew"
    case .fileCorrupted(let path): "‘\(path)’ is not what was written to it; delete it"
    case .storeTooNew(let path): "‘\(path)’ was written by a later version of hawser"
    case .storeUnavailable(let path, let reason):
      "the credential store ‘\(path)’ can't be used: \(reason)"
    case .system(let operation, let path, let code):
      "can't \(operation) ‘\(path)’: \(String(cString: strerror(code)))"
    }
  }
}
