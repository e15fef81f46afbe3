internal import HawserCryptography

/// The file that holds a server's identity: one line of three words.
///
///     hawser-identity-1 <base64url of seed ‖ knock secret> <base64url of 8 bytes of its SHA-256>
///
/// The check tells a damaged file from another identity, which providers would refuse.
struct IdentityFile {
  private static let format = "hawser-identity-1"
  private static let checkByteCount = 8

  private let file: PrivateFile
  private let directory: StateDirectory

  init(in directory: StateDirectory) {
    self.directory = directory
    file = PrivateFile(path: directory.file("identity"))
  }

  var path: String { file.path }

  func read() throws(StorageError) -> ServerIdentity? {
    guard let contents = try file.read() else { return nil }
    let words = String(decoding: contents, as: UTF8.self).split(separator: " ")
    guard words.count == 3, words[2].hasSuffix("\n") else { throw corrupted("is incomplete") }
    guard words[0] == Self.format else { throw corrupted("has an unknown format") }
    do throws(CryptographyError) {
      let stored = Secret(bytes: try Base64URL.decode(words[1]))
      guard try Base64URL.decode(words[2].dropLast()) == Self.check(of: stored) else {
        throw CryptographyError.invalidBase64URL
      }
      return try ServerIdentity(storedBytes: stored)
    } catch {
      throw corrupted("is damaged")
    }
  }

  func create(_ identity: ServerIdentity) throws(StorageError) {
    let stored = identity.storedBytes
    let words = [
      Self.format, Base64URL.encode(stored.revealedBytes), Base64URL.encode(Self.check(of: stored)),
    ]
    try file.create(Array("\(words.joined(separator: " "))\n".utf8), in: directory)
  }

  private static func check(of stored: Secret) -> [UInt8] {
    Array(SHA256.hash(stored).prefix(checkByteCount))
  }

  private func corrupted(_ reason: String) -> StorageError {
    .identityCorrupted(path: path, reason: reason)
  }
}
