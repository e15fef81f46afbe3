package import enum HawserSession.Side

/// One of the two peers of a simulated session.
package enum Party: Int, Sendable, CaseIterable, CustomStringConvertible {
  case dialler = 0
  case acceptor = 1

  /// The peer.
  package var other: Party { self == .dialler ? .acceptor : .dialler }

  /// The part that the party plays in the session.
  package var side: Side { self == .dialler ? .dialling : .accepting }

  package var description: String { self == .dialler ? "dialler" : "acceptor" }
}
