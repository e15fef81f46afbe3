import Foundation
import Testing

/// The instruments tell the truth: without Hawser between them, they see what is there.
@Suite(.timeLimit(.minutes(10))) struct HarnessTests {
  @Test func `a plain socket tells an end from a reset`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .greeting("hello"))
      let relay = try lab.relay(to: target.port)
      let ended = try PlainSocket(port: target.port)
      ended.finishWriting()
      #expect(try ended.readAll().end == .end)
      let cut = try PlainSocket(port: relay.port)
      _ = try cut.read(exactly: 6)
      try relay.cutOnce()
      #expect(try cut.readAll().end == .reset)
    }
  }

  @Test func `a relay that is down refuses, and serves again afterwards`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let relay = try lab.relay(to: target.port)
      let first = try PlainSocket(port: relay.port)
      try first.exchange("one\n")
      try relay.goDown()
      #expect(try first.readAll().end == .reset)
      #expect(throws: (any Error).self) { try PlainSocket(port: relay.port).exchange("two\n") }
      try relay.comeBack()
      try PlainSocket(port: relay.port).exchange("three\n")
    }
  }

  @Test func `a silent relay passes nothing and loses nothing`() async throws {
    try await withLab { lab in
      let target = lab.keep(try .echo())
      let relay = try lab.relay(to: target.port)
      let client = try PlainSocket(port: relay.port, patience: .seconds(1))
      try client.exchange("one\n")
      try relay.goSilent()
      try client.write("two\n")
      #expect(throws: SocketFailure.self) { try client.read() }
      try relay.speak()
      #expect(try client.read(exactly: 4) == Array("two\n".utf8))
    }
  }

  @Test func `nginx serves what was published`() async throws {
    try await withLab { lab in
      let nginx = try lab.nginx()
      let published = try nginx.publish("file", byteCount: 100_001, seed: 1)
      let file = lab.path("download")
      let status = try lab.curl(
        ["-o", file.path(percentEncoded: false), "http://127.0.0.1:\(nginx.port)/file"]
      )
      #expect(status == 0)
      #expect(try [UInt8](Data(contentsOf: file)) == published)
    }
  }
}
