internal import HawserHandshake
internal import HawserTransport
internal import NIOCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Darwin)
internal import Darwin
#endif

/// Why a role could not start, or ended for good.
package enum TunnelError: Error, Sendable, Hashable {
  /// A listener could not be bound; the system's reason and what to do about it.
  case bindFailed(address: String, port: UInt16, reason: String)
  /// The role is stopping.
  case stopping
  /// The server does not accept the token: wrong, expired, revoked, or without the scope.
  case credentialsRefused(reason: String)
  /// The server that answered is not the one that the join URL names.
  case wrongServer(reason: String)
  /// Another process with the same client id took over.
  case replaced
  /// The server refused a service.
  case serviceRefused(service: String, reason: String)
  /// The peers have no version or feature in common, or the server refuses for good.
  case refusedForGood(reason: String)
  /// The configuration cannot work.
  case invalidConfiguration(reason: String)
}

extension TunnelError: CustomStringConvertible {
  /// A sentence that says what to do.
  package var description: String {
    switch self {
    case .bindFailed(let address, let port, let reason):
      "cannot listen on \(address.contains(":") ? "[\(address)]" : address):\(port): \(reason)"
    case .stopping:
      "stopping"
    case .credentialsRefused(let reason):
      "the server refused the token: \(reason)"
    case .wrongServer(let reason):
      "the server is not the one that the join URL names: \(reason); "
        + "ask its operator for a new join URL"
    case .replaced:
      "another provider with the same name and services took over on this machine; "
        + "stop one of the two, or give them different names"
    case .serviceRefused(let service, let reason):
      "the server refused the service \(service): \(reason)"
    case .refusedForGood(let reason):
      "the server refused the connection for good: \(reason)"
    case .invalidConfiguration(let reason):
      reason
    }
  }
}

extension TunnelError {
  /// A listener could not be bound, for a reason of the system.
  static func bindFailed(address: String, port: UInt16, error: any Error) -> TunnelError {
    let advice =
      switch (error as? IOError)?.errnoCode {
      case EADDRINUSE: "; choose another port or stop what uses it"
      case EACCES: "; ports below 1024 need a permission that this process does not have"
      case EADDRNOTAVAIL: "; name an address of this machine"
      default: ""
      }
    return .bindFailed(address: address, port: port, reason: error.inWords + advice)
  }

  /// Whether the peer's answer will not change: exit code 69 of the command line.
  package var isRefusal: Bool {
    switch self {
    case .credentialsRefused, .wrongServer, .replaced, .serviceRefused, .refusedForGood: true
    case .bindFailed, .stopping, .invalidConfiguration: false
    }
  }
}

extension TunnelError {
  /// A refusal that the same HELLO will meet again.
  init(_ rejection: Reject) {
    switch rejection.code {
    case .badCredentials, .revoked: self = .credentialsRefused(reason: rejection.reason)
    case .replaced: self = .replaced
    default: self = .refusedForGood(reason: "\(rejection.name): \(rejection.reason)")
    }
  }
}
