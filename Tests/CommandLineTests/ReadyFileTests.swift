import Foundation
import Testing

@testable import hawser

struct `A ready file` {
  private let contents = ReadyFile.Contents(
    role: "server",
    join: nil,
    control: .init(address: "127.0.0.1", port: 1),
    entries: [.init(mode: "tcp", address: "::1", port: 2)],
    pid: getpid()
  )

  private func object(_ path: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(filePath: path))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func `of a server has the agreed keys, and null without a token`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/ready"
    try ReadyFile(path: path).write(contents)
    let object = try object(path)
    #expect(Set(object.keys) == ["role", "join", "control", "entries", "pid"])
    #expect(object["join"] is NSNull)
    #expect(object["pid"] as? Int32 == getpid())
    let control = try #require(object["control"] as? [String: Any])
    #expect(Set(control.keys) == ["address", "port"])
    #expect(control["address"] as? String == "127.0.0.1")
    #expect(control["port"] as? Int == 1)
    let entry = try #require((object["entries"] as? [[String: Any]])?.first)
    #expect(Set(entry.keys) == ["mode", "address", "port"])
    #expect(entry["mode"] as? String == "tcp")
    #expect(entry["address"] as? String == "::1")
    #expect(entry["port"] as? Int == 2)
  }

  @Test func `of a provider has no join URL`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/ready"
    var contents = contents
    contents.role = "provider"
    try ReadyFile(path: path).write(contents)
    #expect(Set(try object(path).keys) == ["role", "control", "entries", "pid"])
  }

  @Test func `is for its owner only, whatever was there before`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("ready", "old")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    try ReadyFile(path: path).write(contents)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ready"])
  }

  @Test func `is removed by the process that wrote it, and by no other`() throws {
    let folder = try TemporaryFolder()
    let own = ReadyFile(path: folder.path + "/own")
    try own.write(contents)
    own.remove()
    #expect(!FileManager.default.fileExists(atPath: own.path))
    let foreign = ReadyFile(path: try folder.file("foreign", #"{"pid": 1}"#))
    foreign.remove()
    #expect(FileManager.default.fileExists(atPath: foreign.path))
  }

  @Test func `that can't be written is an error of the configuration`() {
    let error = #expect(throws: CommandFailure.self) {
      try ReadyFile(path: "/nowhere/ready").write(contents)
    }
    #expect(error?.status == .configuration)
  }
}

struct `A join file` {
  private let url = "hawser://abcdefgh_\(String(repeating: "A", count: 32))@example.org:9887"

  @Test func `holds the URL alone, with any space around it`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("join", "  \(url)\n\n")
    #expect(try JoinFile(path: path).joinURL().text == url)
  }

  @Test func `may be a server's ready file`() throws {
    let folder = try TemporaryFolder()
    let contents = ReadyFile.Contents(
      role: "server",
      join: url,
      control: .init(address: "127.0.0.1", port: 1),
      entries: [],
      pid: getpid()
    )
    try ReadyFile(path: folder.path + "/ready").write(contents)
    #expect(try JoinFile(path: folder.path + "/ready").joinURL().text == url)
  }

  @Test(arguments: ["", "nonsense", "{}", #"{"role": "server", "join": null}"#])
  func `that has no URL is an error that names it`(text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("join", text)
    let error = #expect(throws: CommandFailure.self) { try JoinFile(path: path).joinURL() }
    #expect(error?.status == .configuration)
    #expect(error?.message.hasPrefix("\(path): ") == true)
  }
}
