package import enum HawserTLS.TLSError

/// Why a link ended.
package enum LinkFailure: Error, Sendable, Hashable {
  /// The peer closed the link cleanly.
  case closedByPeer
  /// This side closed the link: ``Link/close()`` or ``Link/abort()``.
  case closedHere
  /// The peer's side of the connection ended without a close: its process was killed, or something
  /// in between cut the connection.
  case truncated
  /// The operating system gave the connection up; its reason (reset, timed out, …).
  case connectionLost(String)
  /// Nothing was heard for this long although something should have been.
  case pathDead(silence: Duration)
  /// No address of the dialled host could be reached; the reasons.
  case unreachable(String)
  /// The TLS connection could not be made or broke.
  case tls(TLSError)
  /// The peer broke the rules of the link layer.
  case protocolViolation(RecordFramingViolation)
  /// The link was not established in time: connection, TLS, HELLO and WELCOME.
  case handshakeTimeout
  /// Too many connections were shaking hands, and this one was the furthest behind.
  case gaveWay
}

extension LinkFailure: CustomStringConvertible {
  /// One sentence for a log line or an operator.
  package var description: String {
    switch self {
    case .closedByPeer: "closed by the peer"
    case .closedHere: "closed here"
    case .truncated: "the connection ended without a close"
    case .connectionLost(let reason): "the connection was lost: \(reason)"
    case .pathDead(let silence): "nothing heard for \(silence)"
    case .unreachable(let reason): "unreachable: \(reason)"
    case .tls(let error): error.description
    case .protocolViolation(let violation): "the peer broke the protocol: \(violation)"
    case .handshakeTimeout: "the handshake took too long"
    case .gaveWay: "gave way to another connection in the middle of the handshake"
    }
  }
}
