import Foundation
import HawserAdmin
import Logging
import NIOCore
import NIOPosix
import Testing

struct `The administration API` {
  @Test func `answers the status as JSON`() async throws {
    try await serving { client, _ in
      let status = try await client.status()
      #expect(status == .example)
      let document = Data(try await client.statusDocument().utf8)
      let object = try JSONSerialization.jsonObject(with: document)
      let keys = try #require(object as? [String: Any]).keys
      #expect(
        Set(keys) == [
          "version", "pid", "uptimeSeconds", "isStopping", "control", "entries", "sessions",
          "clients", "parked", "retainedBytes", "grantedBytes", "limits", "totals",
        ]
      )
    }
  }

  @Test func `answers metrics in Prometheus' format`() async throws {
    try await serving { _, path in
      let answer = try await exchange("GET /metrics HTTP/1.1", at: path)
      #expect(answer.hasPrefix("HTTP/1.1 200 "))
      #expect(answer.lowercased().contains("content-type: text/plain; version=0.0.4"))
      #expect(answer.contains("\nhawser_uptime_seconds 61\n"))
    }
  }

  @Test func `revokes a token and tells how many sessions ended`() async throws {
    try await serving { client, _ in
      let revocation = try await client.revokeToken("abcdefgh")
      #expect(revocation == TokenRevocation(id: "abcdefgh", sessionsEnded: 2))
    }
  }

  @Test func `tells an unknown token from a failure`() async throws {
    try await serving { client, _ in
      await #expect(
        throws: AdminError.refused(
          status: 404,
          problem: AdminProblem(
            error: "not_found",
            message: "there is no token with the id zzzzzzzz"
          )
        )
      ) { try await client.revokeToken("zzzzzzzz") }
      let error = await #expect(throws: AdminError.self) { try await client.revokeToken("broken") }
      guard case .refused(500, let problem) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(problem.error == "internal")
    }
  }

  @Test(arguments: ["GET /nothing HTTP/1.1", "POST /v1/status HTTP/1.1"])
  func `answers what it does not know with a problem as JSON`(request: String) async throws {
    try await serving { _, path in
      let answer = try await exchange(request, at: path)
      #expect(answer.hasPrefix("HTTP/1.1 404 "))
      #expect(answer.lowercased().contains("content-type: application/json"))
      let body = try #require(answer.components(separatedBy: "\r\n\r\n").dropFirst().first)
      let problem = try JSONDecoder().decode(AdminProblem.self, from: Data(body.utf8))
      #expect(problem.error == "not_found")
    }
  }
}

struct `The administration socket` {
  @Test func `is for its owner only, and goes with the server`() async throws {
    let folder = try PrivateFolder()
    let path = folder.path + "/s"
    try await serving(at: path) { _, path in
      let permissions = try permissions(of: path)
      #expect(permissions == 0o600)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `of a dead server is replaced`() async throws {
    let folder = try PrivateFolder()
    let path = folder.path + "/s"
    try await leaveStaleSocket(path)
    await #expect(throws: AdminError.notRunning(path: path)) {
      try await AdminClient(path: path).status()
    }
    try await serving(at: path) { client, _ in
      let status = try await client.status()
      #expect(status == .example)
    }
  }

  @Test func `of a live server is left alone`() async throws {
    try await serving { client, path in
      await #expect(throws: AdminError.socketInUse(path: path)) {
        try await AdminServer(backend: FixedBackend(), logger: silent).run(at: path)
      }
      let status = try await client.status()
      #expect(status == .example)
    }
  }

  @Test func `does not replace a file of another kind`() async throws {
    let folder = try PrivateFolder()
    let path = folder.path + "/s"
    try "precious".write(toFile: path, atomically: false, encoding: .utf8)
    await #expect(throws: AdminError.notASocket(path: path)) {
      try await AdminServer(backend: FixedBackend(), logger: silent).run(at: path)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
  }

  @Test func `needs a folder that others can't write to`() async throws {
    let folder = try PrivateFolder()
    try FileManager.default.setAttributes([.posixPermissions: 0o770], ofItemAtPath: folder.path)
    await #expect(throws: AdminError.folderNotPrivate(path: folder.path)) {
      try await AdminServer(backend: FixedBackend(), logger: silent).run(at: folder.path + "/s")
    }
  }

  @Test func `that fits no address is refused with a reason`() async throws {
    let folder = try PrivateFolder()
    let path = folder.path + "/" + String(repeating: "s", count: 100)
    await #expect(throws: AdminError.pathTooLong(path: path)) {
      try await AdminServer(backend: FixedBackend(), logger: silent).run(at: path)
    }
  }

  @Test func `that nobody serves is an error that says so`() async throws {
    let folder = try PrivateFolder()
    let path = folder.path + "/s"
    await #expect(throws: AdminError.notRunning(path: path)) {
      try await AdminClient(path: path).status()
    }
  }
}

private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

private struct FixedBackend: AdminBackend {
  struct Broken: Error {}

  func status() async -> AdminStatus { .example }

  func revokeToken(_ id: String) async throws -> Int? {
    switch id {
    case "abcdefgh": 2
    case "broken": throw Broken()
    default: nil
    }
  }
}

/// A folder of mode 0700 with a short path, gone with the last reference.
private final class PrivateFolder: Sendable {
  let path: String

  init() throws {
    path = "/tmp/hawser-\(UInt32.random(in: .min ... .max))"
    try FileManager.default.createDirectory(
      atPath: path,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs `body` while a server answers at `path`, or in a folder of its own.
private func serving(
  at path: String? = nil,
  _ body: @Sendable (_ client: AdminClient, _ path: String) async throws -> Void
) async throws {
  let folder = try PrivateFolder()
  let path = path ?? folder.path + "/s"
  try await withThrowingTaskGroup(of: Void.self) { group in
    let (ready, continuation) = AsyncStream.makeStream(of: Void.self)
    group.addTask {
      defer { continuation.finish() }
      try await AdminServer(backend: FixedBackend(), logger: silent).run(at: path) {
        continuation.yield()
      }
    }
    for await _ in ready {
      try await body(AdminClient(path: path), path)
      break
    }
    group.cancelAll()
    try await group.waitForAll()
  }
}

/// Sends one request head and returns the whole answer.
private func exchange(_ requestLine: String, at path: String) async throws -> String {
  let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .connect(unixDomainSocketPath: path) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
      }
    }
  return try await channel.executeThenClose { inbound, outbound in
    let head = "\(requestLine)\r\nHost: x\r\nConnection: close\r\n\r\n"
    try await outbound.write(ByteBuffer(string: head))
    var answer = ""
    for try await bytes in inbound { answer += String(buffer: bytes) }
    return answer
  }
}

/// Binds a socket and closes its descriptor without removing the file, as a killed process does.
private func leaveStaleSocket(_ path: String) async throws {
  let group = MultiThreadedEventLoopGroup.singleton
  let server = try await ServerBootstrap(group: group).bind(unixDomainSocketPath: path + "x").get()
  try FileManager.default.moveItem(atPath: path + "x", toPath: path)
  try await server.close()
  #expect(FileManager.default.fileExists(atPath: path))
}

private func permissions(of path: String) throws -> Int {
  let attributes = try FileManager.default.attributesOfItem(atPath: path)
  return try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
}
