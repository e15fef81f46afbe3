import Foundation
import Testing

struct `The program` {
  @Test(arguments: [
    ["frobnicate"], ["server", "--frobnicate"], ["server", "--control", "70000"],
    ["server", "--grace", "soon"], ["provider"], ["provider", "--join", "nonsense", "80"],
    ["token", "create", "--user", "two words"], ["token", "revoke", "no-id"],
    ["simulate", "--steps", "0"], ["demo", "--size", "0"], ["relay", "--target", "nowhere"],
  ])
  func `exits with 64 when the command line is wrong`(arguments: [String]) async throws {
    let ended = try await HawserProgram.run(arguments)
    #expect(ended.status == 64)
    #expect(!ended.complaints.isEmpty)
  }

  @Test func `exits with 78 when a variable is wrong`() async throws {
    let ended = try await HawserProgram.run(["server"], environment: ["HAWSER_GRACE": "soon"])
    #expect(ended.status == 78)
    #expect(ended.complaints.hasPrefix("hawser: HAWSER_GRACE: wrong `grace`: "))
  }

  @Test func `exits with 78 when the file has an unknown key`() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("hawser.yaml", "publik-host: a.example\n")
    for arguments in [["config", "check", file], ["server", "--config", file]] {
      let ended = try await HawserProgram.run(arguments)
      #expect(ended.status == 78)
      #expect(
        ended.complaints
          == "hawser: \(file):1: unknown key `publik-host`; did you mean `public-host`?\n"
      )
    }
  }

  @Test func `says ok to a right file`() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("hawser.json", #"{"park": "10s", "listen": 0}"#)
    let ended = try await HawserProgram.run(["config", "check", file])
    #expect(ended.status == 0)
    #expect(ended.output == "ok: \(file) configures a server\n")
  }

  @Test func `exits with 69 when no server answers the question`() async throws {
    let folder = try TemporaryFolder()
    let ended = try await HawserProgram.run(["status", "--state", folder.path])
    #expect(ended.status == 69)
    #expect(ended.complaints.contains("\(folder.path)/admin.sock"))
  }

  @Test func `exits with 78 when the state folder is no folder`() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("state", "")
    for command in [
      ["server", "--control", "0", "--listen", "0"], ["identity"], ["token", "list"],
    ] {
      let ended = try await HawserProgram.run(command + ["--state", file])
      #expect(ended.status == 78, "\(command)")
    }
  }

  @Test(arguments: [
    ["--help"], ["server", "--help"], ["provider", "--help"], ["token", "create", "--help"],
    ["demo", "--help"], ["simulate", "--help"], ["identity", "--help"], ["status", "--help"],
    ["config", "check", "--help"], ["token", "revoke", "--help"], ["relay", "--help"],
  ])
  func `helps with an example`(arguments: [String]) async throws {
    let ended = try await HawserProgram.run(arguments)
    #expect(ended.status == 0)
    #expect(ended.output.contains("EXAMPLE"))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `writes completions`(shell: String) async throws {
    let ended = try await HawserProgram.run(["--generate-completion-script", shell])
    #expect(ended.status == 0)
    #expect(ended.output.contains("provider"))
  }
}

struct `Tokens on the command line` {
  @Test func `are made, listed and revoked without a server`() async throws {
    let folder = try TemporaryFolder()
    let state = ["--state", folder.path]
    let created = try await HawserProgram.run(
      ["token", "create", "--user", "ann", "--ports", "2000-2999", "--public-host", "a.example"]
        + state
    )
    #expect(created.status == 0)
    let url = try #require(
      created.output.wholeMatch(
        of: /hawser:\/\/([a-z0-9]{8})_([A-Za-z0-9_-]{32})@a\.example:9887\?key=[A-Za-z0-9_-]{64}\n/
      )
    )
    let listed = try await HawserProgram.run(["token", "list"] + state)
    let row = try #require(listed.output.split(separator: "\n").dropFirst().first)
    let cells = row.split(separator: " ")
    #expect(cells.prefix(4) == [url.1, "ann", "connect", "2000-2999"])
    #expect(cells.last == "valid")
    #expect(!listed.output.contains(url.2))
    for word in ["no server is running", "before"] {
      let revoked = try await HawserProgram.run(["token", "revoke", String(url.1)] + state)
      #expect(revoked.status == 0)
      #expect(revoked.output.contains(word))
    }
    let after = try await HawserProgram.run(["token", "list"] + state)
    #expect(after.output.contains("revoked"))
    let unknown = try await HawserProgram.run(["token", "revoke", "zzzzzzzz"] + state)
    #expect(unknown.status == 69)
  }

  @Test func `join the identity that the command line shows`() async throws {
    let folder = try TemporaryFolder()
    let state = ["--state", folder.path]
    let before = try await HawserProgram.run(["identity"] + state)
    #expect(before.status == 78)
    let created = try await HawserProgram.run(["token", "create", "--user", "ann"] + state)
    let identity = try await HawserProgram.run(["identity"] + state)
    let key = try #require(identity.output.firstMatch(of: /join key +(\S{64})\n/)).1
    #expect(created.output.hasSuffix("?key=\(key)\n"))
  }
}
