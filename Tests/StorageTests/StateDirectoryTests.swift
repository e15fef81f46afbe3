import Foundation
import HawserCredentials
import HawserCryptography
import HawserPrimitives
import HawserStorage
import Testing

struct StateDirectoryTests {
  private let folder = TemporaryDirectory()

  @Test
  func `the first start makes an identity and a token for connecting and forwarding`() async throws
  {
    let directory = try StateDirectory(creatingAt: folder.path)
    #expect(try directory.identity() == nil)
    let state = try directory.prepareServer(at: .at(7))
    #expect(state.isFirstStart)
    let token = try #require(state.firstToken)
    let record = try #require(try await state.store.find(token.id))
    #expect(record.secretHash == token.secretHash)
    #expect(record.scopes == [.connect, .forward])
    #expect(record.user == .firstUser)
    #expect(record.createdAt == .at(7))
    #expect(record.expiresAt == nil)
    #expect(try directory.identity()?.joinKey == state.identity.joinKey)
    let authenticated = try await Authenticator(store: state.store)
      .authenticate(token.text, for: .connect, at: .at(8))
    #expect(authenticated == record)
  }

  @Test
  func `later starts find what the first one made`() throws {
    let key: JoinKey
    let token: Token?
    do {
      let state = try StateDirectory(creatingAt: folder.path).prepareServer(at: .at(0))
      (key, token) = (state.identity.joinKey, state.firstToken)
    }
    let state = try StateDirectory(creatingAt: folder.path).prepareServer(at: .at(1))
    #expect(!state.isFirstStart)
    #expect(state.identity.joinKey == key)
    #expect(state.firstToken == token)
  }

  @Test
  func `everything in the directory is for its owner only`() throws {
    let deep = "\(folder.path)/a/b"
    let directory = try StateDirectory(creatingAt: deep)
    let state = try directory.prepareServer(at: .at(0))
    try directory.writePublicEndpoint(try HostAndPort("relay:9887"))
    #expect(try folder.mode(of: "a") == 0o755)
    #expect(try folder.mode(of: "a/b") == 0o700)
    let names = try FileManager.default.contentsOfDirectory(atPath: deep).sorted()
    #expect(
      names == [
        "credentials.sqlite", "credentials.sqlite-shm", "credentials.sqlite-wal", "first-token",
        "identity", "public-endpoint", "server.lock",
      ]
    )
    for name in names { #expect(try folder.mode(of: "a/b/\(name)") == 0o600, "\(name)") }
    withExtendedLifetime(state) {}
  }

  @Test(.enabled(if: geteuid() == 0, "only root may give files away"))
  func `files that root makes belong to the owner of the directory`() async throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    #expect(chown(folder.path, 65534, 65534) == 0)
    let state = try directory.prepareServer(at: .at(0))
    try await state.store.insert(try makeRecord())
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
      #expect(attributes[.ownerAccountID] as? Int == 65534, "\(name)")
    }
  }

  @Test(arguments: ["credentials.sqlite", "server.lock"])
  func `a symbolic link in the place of a file is not followed`(name: String) throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    let elsewhere = folder.file("elsewhere")
    try folder.write("precious", to: "elsewhere")
    try folder.setMode(0o644, of: "elsewhere")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file(name),
      withDestinationPath: elsewhere
    )
    let error = #expect(throws: StorageError.self) { try directory.prepareServer(at: .at(0)) }
    #expect(error == .system(operation: "open", path: folder.file(name), code: ELOOP))
    #expect(try folder.read("elsewhere") == "precious")
    #expect(try folder.mode(of: "elsewhere") == 0o644)
  }

  @Test
  func `a deleted first token stays deleted, and a revoked one is not offered`() async throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    do {
      let state = try directory.prepareServer(at: .at(0))
      let token = try #require(state.firstToken)
      _ = try await state.store.revoke(token.id, at: .at(1))
    }
    do {
      let state = try directory.prepareServer(at: .at(2))
      #expect(state.firstToken == nil)
      #expect(try directory.firstToken() != nil)
    }
    try folder.remove("first-token")
    #expect(try directory.firstToken() == nil)
    #expect(try directory.prepareServer(at: .at(3)).firstToken == nil)
    #expect(try directory.firstToken() == nil)
  }

  @Test
  func `a store that was deleted begins anew under the same identity`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    let (key, token) = try {
      let state = try directory.prepareServer(at: .at(0))
      return (state.identity.joinKey, state.firstToken)
    }()
    for name in ["credentials.sqlite", "credentials.sqlite-wal", "credentials.sqlite-shm"] {
      try? folder.remove(name)
    }
    let state = try directory.prepareServer(at: .at(1))
    #expect(state.isFirstStart)
    #expect(state.identity.joinKey == key)
    #expect(state.firstToken != nil && state.firstToken != token)
  }

  @Test
  func `an identity that is missing beside tokens is an error and is not drawn anew`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    _ = try directory.prepareServer(at: .at(0))
    try folder.remove("identity")
    #expect(throws: StorageError.identityMissing(path: folder.file("identity"))) {
      try directory.prepareServer(at: .at(1))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("identity")))
  }

  @Test
  func `a damaged identity is an error and is never overwritten`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    _ = try directory.prepareServer(at: .at(0))
    let sound = try folder.read("identity")
    let flipped =
      String(sound.dropLast(20)) + (sound.dropLast(19).hasSuffix("A") ? "B" : "A")
      + sound.suffix(19)
    let cases = [
      ("", "is incomplete"), (String(sound.dropLast()), "is incomplete"),
      (String(sound.prefix(60)), "is incomplete"),
      (sound.replacing("identity-1", with: "identity-2"), "has an unknown format"),
      (flipped, "is damaged"), ("hawser-identity-1 AAAA AAAA\n", "is damaged"),
    ]
    for (contents, reason) in cases {
      try folder.write(contents, to: "identity")
      let expected = StorageError.identityCorrupted(
        path: folder.file("identity"),
        reason: reason
      )
      #expect(throws: expected, "\(contents)") { try directory.identity() }
      #expect(throws: expected) { try directory.prepareServer(at: .at(1)) }
      #expect(try folder.read("identity") == contents)
    }
  }

  @Test
  func `every single damaged character of an identity is noticed`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    _ = try directory.prepareServer(at: .at(0))
    let sound = Array(try folder.read("identity").utf8)
    for index in sound.indices {
      var damaged = sound
      damaged[index] = damaged[index] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
      try folder.write(String(decoding: damaged, as: UTF8.self), to: "identity")
      #expect(throws: StorageError.self, "character \(index)") { try directory.identity() }
    }
  }

  @Test
  func `secrets that others can read are refused`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    _ = try directory.prepareServer(at: .at(0))
    for name in ["identity", "first-token"] {
      try folder.setMode(0o640, of: name)
      let error = #expect(throws: StorageError.fileReadableByOthers(path: folder.file(name))) {
        try directory.prepareServer(at: .at(1))
      }
      #expect(error?.description.hasSuffix("run: chmod 600 '\(folder.file(name))'") == true)
      try folder.setMode(0o600, of: name)
    }
  }

  @Test(arguments: [0o770, 0o707, 0o777])
  func `a directory that others can write to is refused`(mode: Int) throws {
    _ = try StateDirectory(creatingAt: folder.path)
    try folder.setMode(mode)
    let error = #expect(throws: StorageError.directoryWritableByOthers(path: folder.path)) {
      try StateDirectory(creatingAt: folder.path)
    }
    #expect(error?.description.hasSuffix("run: chmod go-w '\(folder.path)'") == true)
  }

  @Test
  func `a directory that others can only read keeps its mode`() throws {
    _ = try StateDirectory(creatingAt: folder.path)
    try folder.setMode(0o755)
    _ = try StateDirectory(creatingAt: folder.path)
    #expect(try folder.mode() == 0o755)
  }

  @Test
  func `what doesn't exist or is no directory is told apart`() throws {
    #expect(throws: StorageError.directoryMissing(path: folder.path)) {
      try StateDirectory(existingAt: folder.path)
    }
    _ = try StateDirectory(creatingAt: folder.path)
    try folder.write("", to: "file")
    #expect(throws: StorageError.notADirectory(path: folder.file("file"))) {
      try StateDirectory(creatingAt: folder.file("file"))
    }
    let below = "\(folder.path)/file/below"
    let error = #expect(throws: StorageError.self) { try StateDirectory(creatingAt: below) }
    #expect(error?.description == "can't create ‘\(below)’: Not a directory")
  }

  @Test
  func `a directory too deep for the admin socket is refused`() throws {
    let room = UnixSocketPath.maximumLength - "/admin.sock".utf8.count - folder.path.utf8.count - 1
    let longest = folder.file(String(repeating: "a", count: room))
    let directory = try StateDirectory(creatingAt: longest)
    #expect(directory.adminSocketPath.utf8.count == UnixSocketPath.maximumLength)
    let error = #expect(throws: StorageError.self) {
      try StateDirectory(creatingAt: longest + "a")
    }
    #expect(
      error
        == .directoryPathTooLong(
          path: longest + "a",
          length: UnixSocketPath.maximumLength + 1,
          maximum: UnixSocketPath.maximumLength
        )
    )
  }

  @Test
  func `only one server runs in a directory at a time`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    do {
      let state = try directory.prepareServer(at: .at(0))
      #expect(throws: StorageError.inUse(path: folder.path)) {
        try directory.prepareServer(at: .at(0))
      }
      withExtendedLifetime(state) {}
    }
    #expect(try !directory.prepareServer(at: .at(1)).isFirstStart)
  }

  @Test
  func `many that open a new directory at once get one identity`() throws {
    let path = folder.path
    let keys = ConcurrentResults()
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      keys.append(
        Result {
          let directory = try StateDirectory(creatingAt: path)
          return try directory.prepareIdentity(beside: directory.openCredentialStore()).joinKey
        }
      )
    }
    let joinKeys = try keys.values.map { try $0.get() }
    #expect(joinKeys.count == 8)
    #expect(Set(joinKeys).count == 1)
  }

  @Test
  func `a token may be made before the first start`() async throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    let store = try directory.openCredentialStore()
    let identity = try directory.prepareIdentity(beside: store)
    try await store.insert(try makeRecord())
    let state = try directory.prepareServer(at: .at(1))
    #expect(!state.isFirstStart)
    #expect(state.firstToken == nil)
    #expect(state.identity.joinKey == identity.joinKey)
  }

  @Test(arguments: ["relay.example.com:9887", "[::1]:1234", "10.0.0.1"])
  func `the public endpoint is kept and may change`(text: String) throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    #expect(try directory.publicEndpoint() == nil)
    try directory.writePublicEndpoint(try HostAndPort("earlier:1"))
    let endpoint = try HostAndPort(text)
    try directory.writePublicEndpoint(endpoint)
    #expect(try directory.publicEndpoint() == endpoint)
  }

  @Test
  func `small files that make no sense say that they may be deleted`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    for (name, contents) in [
      ("first-token", "nonsense\n"), ("first-token", ""), ("public-endpoint", ":80\n"),
      ("first-token", String(repeating: "a", count: 5000)),
    ] {
      try folder.write(contents, to: name)
      let error = #expect(throws: StorageError.fileCorrupted(path: folder.file(name))) {
        _ = try directory.firstToken()
        _ = try directory.publicEndpoint()
      }
      #expect(error?.description.hasSuffix("is not what was written to it; delete it") == true)
      try folder.remove(name)
    }
  }

  @Test
  func `no temporary file is left behind`() throws {
    let directory = try StateDirectory(creatingAt: folder.path)
    _ = try directory.prepareServer(at: .at(0))
    try directory.writePublicEndpoint(try HostAndPort("relay:1"))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.contains { $0.hasSuffix(".new") })
  }
}

/// Collects results of threads.
private final class ConcurrentResults: @unchecked Sendable {
  private let lock = NSLock()
  private var results: [Result<JoinKey, any Error>] = []

  func append(_ result: Result<JoinKey, any Error>) {
    lock.withLock { results.append(result) }
  }

  var values: [Result<JoinKey, any Error>] { lock.withLock { results } }
}
