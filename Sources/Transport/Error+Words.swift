import NIOCore
import NIOPosix

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension Error {
  /// What went wrong with a socket, in words for a log or an operator, such as `connection
  /// refused`: without the names of functions and types that NIO's own descriptions have.
  package var inWords: String {
    switch self {
    case let error as IOError: error.reasonInWords
    case let error as ChannelError: error.reasonInWords
    case let error as NIOConnectionError: error.reasonInWords
    case let error as SocketAddressError.UnknownHost:
      "no address of \(error.host) is known: \(error.errorDescription.uncapitalized)"
    case let error as SocketAddressError: error.reasonInWords
    case let error as EventLoopError where error == .shutdown: "the program is ending"
    default: "\(self)"
    }
  }
}

extension IOError {
  /// The system's words for the error's number.
  fileprivate var reasonInWords: String {
    guard let text = strerror(errnoCode) else { return "error \(errnoCode)" }
    return String(cString: text).uncapitalized
  }
}

extension ChannelError {
  fileprivate var reasonInWords: String {
    switch self {
    case .connectTimeout(let time):
      "no answer within \(Duration.nanoseconds(time.nanoseconds).formattedSeconds)"
    case .eof, .inputClosed: "the other side closed the connection"
    case .alreadyClosed, .ioOnClosedChannel, .outputClosed: "the connection is closed"
    case .writeHostUnreachable: "host unreachable"
    case .writeMessageTooLarge: "message too long"
    case .unknownLocalAddress: "the local address is not known"
    default: "\(self)"
    }
  }
}

extension SocketAddressError {
  fileprivate var reasonInWords: String {
    switch self {
    case .unixDomainSocketPathTooLong: "the socket's path is too long"
    case .failedToParseIPString(let text): "\(text) is not an address"
    default: "addresses of this kind are not supported"
    }
  }
}

extension NIOConnectionError {
  /// The reason of the first attempt that failed; of a name without addresses, the resolver's.
  fileprivate var reasonInWords: String {
    if let first = connectionErrors.first { return first.error.inWords }
    let lookUp = dnsAError ?? dnsAAAAError
    return lookUp?.inWords ?? "no address of \(host) is known"
  }
}

extension Duration {
  fileprivate var formattedSeconds: String {
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }
}

extension String {
  /// Within a sentence; an abbreviation such as `I/O` or `RPC` stays.
  fileprivate var uncapitalized: String {
    guard let first, dropFirst().first?.isLowercase == true else { return self }
    return first.lowercased() + dropFirst()
  }
}
