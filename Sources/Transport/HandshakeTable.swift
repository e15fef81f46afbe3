package import HawserPrimitives

/// How far an accepted connection has come on its way to ``Link/established()``.
package enum HandshakeStage: Int, Sendable, Comparable {
  /// There is no complete ClientHello yet. A dialler sends one at once: it is there, or within
  /// moments.
  case silent
  /// There is a ClientHello: the peer spoke TLS, and this side has signed for it.
  case greeted
  /// TLS is done; HELLO and WELCOME are not.
  case secured

  package static func < (left: HandshakeStage, right: HandshakeStage) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// The accepted connections that are not yet established: bounded in total and by network, so that
/// strangers can't take all of the server's memory and time.
///
/// A table full of strangers must not keep providers out. So a newcomer takes the place of whoever
/// is furthest behind, the oldest of them first; but one that got anywhere keeps its place for a
/// while, or newcomers in a row (a site that comes back with all its providers) would push each
/// other out and nobody would ever be done.
package struct HandshakeTable {
  /// What became of a newcomer.
  package enum Admission: Sendable, Hashable {
    case admitted
    /// It took the place of this one, which is to be closed.
    case insteadOf(LinkID)
    /// Everybody in its way is too far and too young.
    case refused
  }

  private struct Entry {
    let network: PeerNetwork
    let since: Instant
    var stage = HandshakeStage.silent
  }

  private let total: Int
  private let perNetwork: Int
  private let protection: Duration
  private var entries: [LinkID: Entry] = [:]
  private var countByNetwork: [PeerNetwork: Int] = [:]

  /// - Parameters:
  ///   - total: Places in all.
  ///   - perNetwork: Places for one IPv4 address or one IPv6 network of 64 bits.
  ///   - protection: How long one that is not silent keeps its place.
  package init(total: Int, perNetwork: Int, protection: Duration) {
    self.total = total
    self.perNetwork = perNetwork
    self.protection = protection
  }

  /// Finds a place for a newcomer.
  ///
  /// - Complexity: O(1) while there is a free place, otherwise O(*n*) in the places.
  package mutating func admit(
    _ link: LinkID,
    of network: PeerNetwork,
    at now: Instant
  ) -> Admission {
    var admission = Admission.admitted
    let isNetworkFull = countByNetwork[network, default: 0] >= perNetwork
    if isNetworkFull || entries.count >= total {
      guard let last = furthestBehind(of: isNetworkFull ? network : nil, at: now) else {
        return .refused
      }
      remove(last)
      admission = .insteadOf(last)
    }
    entries[link] = Entry(network: network, since: now)
    countByNetwork[network, default: 0] += 1
    return admission
  }

  /// Notes how far a connection has come.
  package mutating func advance(_ link: LinkID, to stage: HandshakeStage) {
    entries[link]?.stage = stage
  }

  /// Frees the place of a connection that is established or over, if it still has one.
  package mutating func remove(_ link: LinkID) {
    guard let entry = entries.removeValue(forKey: link) else { return }
    let count = countByNetwork[entry.network, default: 0]
    countByNetwork[entry.network] = count > 1 ? count - 1 : nil
  }

  private func furthestBehind(of network: PeerNetwork?, at now: Instant) -> LinkID? {
    entries
      .filter { _, entry in
        let isInTheWay = network == nil || entry.network == network
        return isInTheWay && (entry.stage == .silent || now - entry.since >= protection)
      }
      // Links are numbered in the order of their acceptance.
      .min { ($0.value.stage, $0.key) < ($1.value.stage, $1.key) }?.key
  }
}
