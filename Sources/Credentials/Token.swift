package import HawserCryptography

/// The public half of a token: what a store looks up, what lists and logs show.
package struct TokenID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The number of characters.
  package static let length = 8

  package let text: String

  /// - Parameter text: ``length`` characters of a–z and 0–9.
  /// - Throws: ``CredentialsError/invalidToken(reason:)``.
  package init(_ text: some StringProtocol) throws(CredentialsError) {
    guard text.utf8.count == Self.length, text.utf8.allSatisfy(Self.alphabet.contains) else {
      throw .invalidToken(reason: "has an id that is not \(Self.length) characters of a–z and 0–9")
    }
    self.text = String(text)
  }

  /// Draws an id; production code passes ``SecureRandom``.
  package init(using generator: inout some RandomNumberGenerator) {
    let characters = (0..<Self.length).map { _ in
      Self.alphabet[Int.random(in: Self.alphabet.indices, using: &generator)]
    }
    text = String(decoding: characters, as: UTF8.self)
  }

  package var description: String { text }

  package static func < (left: TokenID, right: TokenID) -> Bool { left.text < right.text }

  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
}

/// What a provider or forwarder shows to be let in: `<id>_<secret>`.
///
/// The server keeps only a hash of the secret. The description shows the id and hides the secret.
package struct Token: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  /// The length of the secret, in bytes: 192 bits, so that an unsalted fast hash of it is enough.
  package static let secretByteCount = 24
  /// The number of characters of ``text``: the id, `_`, and base64url of the secret.
  package static let textLength = TokenID.length + 1 + secretByteCount * 4 / 3

  package let id: TokenID
  package let secret: Secret

  /// Draws a token; production code passes ``SecureRandom``.
  package init(using generator: inout some RandomNumberGenerator) {
    id = TokenID(using: &generator)
    let bytes = (0..<Self.secretByteCount).map { _ in
      UInt8.random(in: .min ... .max, using: &generator)
    }
    secret = Secret(bytes: bytes)
  }

  /// - Parameter text: What ``text`` gives; nothing around it.
  /// - Throws: ``CredentialsError/invalidToken(reason:)``, which doesn't repeat the text.
  package init(text: some StringProtocol) throws(CredentialsError) {
    guard !text.isEmpty else { throw .invalidToken(reason: "is missing") }
    guard let separator = text.firstIndex(of: "_") else {
      throw .invalidToken(reason: "has no ‘_’ between id and secret")
    }
    id = try TokenID(text[..<separator])
    let bytes: [UInt8]
    do throws(CryptographyError) {
      bytes = try Base64URL.decode(text[text.index(after: separator)...])
    } catch {
      throw .invalidToken(reason: "has a secret that is not base64url")
    }
    guard bytes.count == Self.secretByteCount else {
      throw .invalidToken(
        reason: "has a secret of another length than \(Self.secretByteCount) bytes"
      )
    }
    secret = Secret(bytes: bytes)
  }

  /// The token with its secret: for the join URL, files of mode 0600 and the peer, never for logs.
  package var text: String { "\(id)_\(Base64URL.encode(secret.revealedBytes))" }

  /// What the store keeps of the secret: its SHA-256.
  package var secretHash: [UInt8] { SHA256.hash(secret) }

  package var description: String { "\(id)_<secret>" }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
