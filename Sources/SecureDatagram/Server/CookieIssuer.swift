internal import HawserCryptography
internal import HawserPrimitives

/// Makes cookies and knows its own again, without remembering any (WireGuard §5.4.7).
///
/// A cookie is bound to an address by a secret that is replaced every
/// ``DatagramLimits/cookieSecretLifetime``; those of the secret before it are still taken, so that
/// one which was just given is good for that long at least.
struct CookieIssuer {
  private let random: SecretGenerator
  private var secret: Secret
  private var previous: Secret?
  private var rotation: Instant
  /// Hashes made so far.
  private(set) var hashes: UInt64 = 0

  init(random: SecretGenerator, at now: Instant) {
    self.random = random
    secret = random.secret(count: KeyedHash.keyByteCount)
    rotation = now + DatagramLimits.cookieSecretLifetime
  }

  /// The cookie of an address. One hash.
  mutating func cookie(for address: PathAddress, at now: Instant) -> AuthenticationCode {
    rotate(at: now)
    hashes += 1
    return Self.cookie(for: address, secret: secret)
  }

  /// Whether `mac2`, which covers `start`, was made with a cookie of this address. Two hashes, four
  /// at most.
  mutating func isProof(
    _ mac2: AuthenticationCode,
    over start: RawSpan,
    from address: PathAddress,
    at now: Instant
  ) -> Bool {
    guard mac2 != .zero else { return false }
    rotate(at: now)
    for secret in [secret, previous].compactMap(\.self) {
      hashes += 2
      let cookie = Self.cookie(for: address, secret: secret)
      if KeyedHash.code(of: start, key: cookie.secret) == mac2 { return true }
    }
    return false
  }

  private mutating func rotate(at now: Instant) {
    guard now >= rotation else { return }
    // Unused for so long that the current one, too, is older than what is taken.
    let isStale = now - rotation >= DatagramLimits.cookieSecretLifetime
    previous = isStale ? nil : secret
    secret = random.secret(count: KeyedHash.keyByteCount)
    rotation = now + DatagramLimits.cookieSecretLifetime
  }

  private static func cookie(for address: PathAddress, secret: Secret) -> AuthenticationCode {
    KeyedHash.code(of: address.cookieInput.span.bytes, key: secret)
  }
}
