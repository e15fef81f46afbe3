/// A version of the protocol inside a link (`PROTOCOL.md`, Versions and features).
package struct ProtocolVersion: RawRepresentable, Sendable, Hashable, Comparable {
  /// At most 62 bits.
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// The first version.
  package static let v1 = ProtocolVersion(rawValue: 1)

  /// The versions that this build speaks, ascending.
  package static let supported: [ProtocolVersion] = [.v1]

  package static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// An optional part of the protocol. Odd numbers are critical: a peer that does not know one has
/// to refuse; even ones are used when both sides list them.
package struct Feature: RawRepresentable, Sendable, Hashable, Comparable {
  /// At most 62 bits.
  package var rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Whether a peer without this feature has to refuse.
  package var isCritical: Bool { rawValue % 2 == 1 }

  /// The features that this build has, ascending. Version 1 begins with none.
  package static let supported: [Feature] = []

  package static func < (left: Feature, right: Feature) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// How the accepting side turns two peers' offers into one agreement. Pure functions; neither the
/// order of an offer nor repetitions in it matter.
package enum Negotiation {
  /// The highest version of both.
  ///
  /// - Throws: ``HandshakeError/noCommonVersion(offered:)``.
  package static func version(
    offered: [ProtocolVersion],
    supported: [ProtocolVersion] = ProtocolVersion.supported
  ) throws(HandshakeError) -> ProtocolVersion {
    guard let highest = offered.filter(supported.contains).max() else {
      throw .noCommonVersion(offered: offered)
    }
    return highest
  }

  /// The features of both, ascending.
  ///
  /// - Throws: ``HandshakeError/unsupportedFeature(_:)`` for the lowest critical one that is
  ///   offered and not supported.
  package static func features(
    offered: [Feature],
    supported: [Feature] = Feature.supported
  ) throws(HandshakeError) -> [Feature] {
    let offered = Set(offered)
    let missing = offered.subtracting(supported).filter(\.isCritical).min()
    if let missing { throw .unsupportedFeature(missing) }
    return offered.intersection(supported).sorted()
  }

  /// The agreed grace: the lower of both wishes, not below zero.
  package static func grace(_ left: Duration, _ right: Duration) -> Duration {
    max(.zero, min(left, right))
  }
}

/// Which of the agents that dial a server speaks.
package enum Role: UInt8, Sendable, Hashable, CaseIterable {
  /// Offers services.
  case provider = 1
  /// Opens streams to a provider for local clients.
  case forwarder = 2
}

/// The credit that a side gives at the start of a session (`PROTOCOL.md`, Flow control).
package struct AnnouncedGrants: Sendable, Hashable {
  /// The bytes that the peer may send on all streams together before the first CREDIT.
  package var sessionBytes: UInt64
  /// The number of streams that the peer may open before the first CREDIT.
  package var streams: UInt64

  /// - Parameters:
  ///   - sessionBytes: Bytes, at most 62 bits.
  ///   - streams: A count, at most 62 bits.
  package init(sessionBytes: UInt64, streams: UInt64) {
    self.sessionBytes = sessionBytes
    self.streams = streams
  }
}
