import Foundation
import HawserCredentials
import HawserCryptography
import HawserPrimitives
import HawserStorage

/// A path that doesn't exist yet, removed with everything below it at the end.
final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    var generator = SecureRandom()
    path = "/tmp/hawser-\(RandomID(using: &generator))"
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func mode(of name: String = ".") throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: file(name))
    return (attributes[.posixPermissions] as? Int) ?? -1
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    try setMode(0o600, of: name)
  }

  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: file(name))), as: UTF8.self)
  }

  func setMode(_ mode: Int, of name: String = ".") throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: file(name))
  }
}

func makeToken() -> Token {
  var generator = SecureRandom()
  return Token(using: &generator)
}

func makeRecord(of token: Token = makeToken(), createdAt: WallClockTime = .at(0)) throws
  -> TokenRecord
{
  TokenRecord(of: token, user: try UserName("anna"), scopes: [.connect], createdAt: createdAt)
}

extension WallClockTime {
  static func at(_ seconds: Int64) -> WallClockTime {
    WallClockTime(secondsSince1970: 1_800_000_000 + seconds)
  }
}
