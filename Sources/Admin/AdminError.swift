internal import SystemPackage

/// Why the administration socket could not be served or used.
package enum AdminError: Error, Sendable, Equatable {
  /// Another live server holds the socket.
  case socketInUse(path: String)
  /// Something that is not a socket is where the socket should be; it is left alone.
  case notASocket(path: String)
  /// Others than the owner may write to the socket's folder.
  case folderNotPrivate(path: String)
  /// A Unix socket's path has at most ``AdminSocket/maximumPathLength`` bytes.
  case pathTooLong(path: String)
  /// The operating system refused `operation`.
  case system(operation: String, path: String, code: Int32)
  /// Nothing listens at the socket.
  case notRunning(path: String)
  /// The server did not answer in time, or closed the connection.
  case noAnswer(path: String)
  /// The server answered something that this version does not understand.
  case unexpectedAnswer(status: Int)
  /// The server refused the request.
  case refused(status: Int, problem: AdminProblem)
}

extension AdminError: CustomStringConvertible {
  /// What happened and what the operator can do.
  package var description: String {
    switch self {
    case .socketInUse(let path):
      "another server uses \(path): stop it, or give this one another --state folder"
    case .notASocket(let path):
      "\(path) exists and is not a socket: move it away"
    case .folderNotPrivate(let path):
      "others can write to \(path): make it private with chmod 700"
    case .pathTooLong(let path):
      "\(path) is longer than a Unix socket's path may be: choose a shorter --state folder"
    case .system(let operation, let path, let code):
      "\(operation) \(path): \(Errno(rawValue: code))"
    case .notRunning(let path):
      "no server answers at \(path): is it running, and is this its --state folder?"
    case .noAnswer(let path):
      "the server at \(path) did not answer"
    case .unexpectedAnswer(let status):
      "the server answered \(status) in a form that this version does not know"
    case .refused(_, let problem):
      problem.message
    }
  }
}
