package import HawserPrimitives

/// Holds back addresses that keep failing to authenticate.
///
/// Each address has a bucket of failures that leaks at a steady rate; an address whose bucket is
/// full is turned away before anything is checked. Successes cost nothing, so a fleet behind one
/// address may come all at once. A bucket is a single instant, the one at which it will have leaked
/// empty (the generic cell rate algorithm, ITU-T I.371), and no instant is kept once it has passed.
package struct AttemptLimiter: Sendable {
  /// How much is tolerated.
  package struct Limits: Sendable {
    /// Failures that an address may make at once: a person who mistypes, a few stale devices.
    package var burst: Int = 10
    /// The time after which one failure is forgotten: ten a minute can't find 192 bits, and a
    /// device with a stale token doesn't lock out its neighbours for long.
    package var interval: Duration = .seconds(6)
    /// The most addresses that are remembered, about 100 bytes each.
    package var addresses: Int = 4096

    package init() {}
  }

  /// Attempts that were turned away.
  package private(set) var refused: UInt64 = 0
  /// Attempts that failed.
  package private(set) var failed: UInt64 = 0
  /// Addresses that had to be forgotten early, because the table was full.
  package private(set) var evicted: UInt64 = 0

  private let limits: Limits
  private var emptyAt: [AddressKey: Instant] = [:]

  package init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// Addresses that are remembered now.
  package var trackedAddresses: Int { emptyAt.count }

  /// Whether the address may try; counted when not.
  ///
  /// Attempts that run at the same time are not charged before they fail, so one address can
  /// overdraw its bucket by the number of handshakes that the transport lets it run at once.
  ///
  /// - Parameters:
  ///   - address: An IP address without a port.
  ///   - now: The time.
  /// - Returns: Whether the token may be looked at.
  package mutating func admits(_ address: String, at now: Instant) -> Bool {
    let isAdmitted = delay(of: address, at: now) == .zero
    if !isAdmitted { refused += 1 }
    return isAdmitted
  }

  /// How long the address has to wait until it may try.
  ///
  /// - Parameters:
  ///   - address: An IP address without a port.
  ///   - now: The time.
  /// - Returns: Zero when it may try at once; at most one failure's ``Limits/interval`` more than
  ///   the failures beyond the burst take to leak.
  package func delay(of address: String, at now: Instant) -> Duration {
    guard let emptyAt = emptyAt[AddressKey(address)] else { return .zero }
    return max(.zero, emptyAt + limits.interval - (now + limits.interval * limits.burst))
  }

  /// Charges a failure to the address.
  ///
  /// O(1), except when the table is full: then once in an eighth of its size O(n log n).
  ///
  /// - Parameters:
  ///   - address: An IP address without a port.
  ///   - now: The time.
  package mutating func attemptFailed(from address: String, at now: Instant) {
    failed += 1
    let key = AddressKey(address)
    if emptyAt[key] == nil { makeRoom(at: now) }
    emptyAt[key] = max(emptyAt[key] ?? now, now) + limits.interval
  }

  /// Forgets buckets that are empty, and if that isn't enough the emptiest eighth.
  private mutating func makeRoom(at now: Instant) {
    guard emptyAt.count >= limits.addresses else { return }
    emptyAt = emptyAt.filter { $0.value > now }
    guard emptyAt.count >= limits.addresses else { return }
    let emptiest = emptyAt.sorted { $0.value < $1.value }.prefix(max(1, limits.addresses / 8))
    for (key, _) in emptiest { emptyAt[key] = nil }
    evicted += UInt64(emptiest.count)
  }
}

/// What counts as one address: an IPv4 address, or the /64 that an IPv6 host draws addresses from.
private struct AddressKey: Hashable {
  private let text: String

  init(_ address: String) {
    guard let address6 = IPv6Address(text: address) else {
      text = address
      return
    }
    if let bytes = address6.mappedIPv4 {
      text = bytes.map(String.init).joined(separator: ".")
    } else {
      text = address6.groups.prefix(4).map { String($0, radix: 16) }.joined(separator: ":") + "::"
    }
  }
}
