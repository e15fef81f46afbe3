internal import HawserCryptography

/// The keys that everybody who holds the join string has: they tell whoever knows it from strangers
/// (`PROTOCOL.md`, Datagrams, Knocking).
struct KnockKeys {
  private let mac1Key: Secret
  /// Seals cookies on their way to the client.
  let cookieKey: Secret

  init(_ key: JoinKey) {
    mac1Key = KeyedHash.key(label: "hawser/1 mac1", from: key.bytes)
    cookieKey = KeyedHash.key(label: "hawser/1 cookie", from: key.bytes)
  }

  /// The code over what a packet says before its mac1.
  func mac1(over start: RawSpan) -> AuthenticationCode {
    KeyedHash.code(of: start, key: mac1Key)
  }
}
