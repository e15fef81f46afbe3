import ChildProcess
import Foundation
import HawserCryptography
import Testing

/// Bytes go through whole, in order, once.
@Suite(.timeLimit(.minutes(10))) struct TransferTests {
  @Test(arguments: TransportUnderTest.allCases)
  func `curl gets every file of an nginx byte for byte`(transport: TransportUnderTest) async throws
  {
    try await withLab(transport) { lab in
      let nginx = try lab.nginx()
      let server = try lab.server()
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(nginx.port)")
      let sizes = [0, 1, 65_537, 6_000_000]
      for (index, size) in sizes.enumerated() {
        let published = try nginx.publish("f\(index)", byteCount: size, seed: UInt64(index))
        let file = lab.path("download")
        let url = "http://127.0.0.1:\(server.publicPort)/f\(index)"
        let status = try lab.curl(["-o", file.path(percentEncoded: false), url])
        try #require(status == 0, "curl of \(size) bytes")
        let bytes = try [UInt8](Data(contentsOf: file))
        try #require(SHA256.hash(bytes) == SHA256.hash(published), "\(size) bytes")
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `8 MiB each way survive 20 cuts at random moments`(transport: TransportUnderTest)
    async throws
  {
    try await withLab(transport) { lab in
      let seed = SeededNumbers.seed()
      let byteCount = 8 << 20
      let chunk = 16_384
      let upload = SeededBytes(seed: seed).prefix(byteCount)
      let download = SeededBytes(seed: seed ^ 1).prefix(byteCount)
      let received = Handover<[UInt8]>()
      // Both directions keep step, half a megabyte ahead at most: no cut comes after the last byte.
      let target = lab.keep(
        try TargetServer { connection in
          var bytes: [UInt8] = []
          while bytes.count < byteCount {
            bytes += try connection.read(exactly: chunk)
            try connection.write(download[(bytes.count - chunk)..<bytes.count])
          }
          bytes += try connection.readAll().bytes
          received.put(bytes)
        }
      )
      let server = try lab.server()
      let relay = try lab.relay(to: server.controlPort)
      _ = try lab.provider(
        join: server.joinURL(through: relay.port),
        target: "127.0.0.1:\(target.port)"
      )
      let client = try server.client()
      let room = DispatchSemaphore(value: 32)
      let sending = Background {
        for start in stride(from: 0, to: byteCount, by: chunk) {
          room.wait()
          try client.write(upload[start..<(start + chunk)])
        }
        client.finishWriting()
      }
      var numbers = SeededNumbers(seed: seed)
      var cuts = (0..<20).map { _ in Int.random(in: 1..<byteCount, using: &numbers) }.sorted()
      var bytes: [UInt8] = []
      while bytes.count < byteCount {
        let boundary = (bytes.count / chunk + 1) * chunk
        let stop = min(cuts.first ?? boundary, boundary)
        bytes += try client.read(exactly: stop - bytes.count)
        if stop == boundary { room.signal() }
        while cuts.first == bytes.count {
          cuts.removeFirst()
          try relay.cutOnce()
        }
      }
      bytes += try client.readAll().bytes
      try sending.value()
      let uploaded = try #require(received.take(within: .seconds(60)))
      #expect(SHA256.hash(bytes) == SHA256.hash(download), "download, seed \(seed)")
      #expect(SHA256.hash(uploaded) == SHA256.hash(upload), "upload, seed \(seed)")
      #expect(relay.cutCount >= 20)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `each direction ends by itself`(transport: TransportUnderTest) async throws {
    try await withLab(transport) { lab in
      let question = [UInt8]("what is the sum?".utf8)
      let target = lab.keep(
        try TargetServer { connection in
          // Answers only once the client's direction has ended.
          let (bytes, end) = try connection.readAll()
          guard end == .end, bytes == question else { return }
          try connection.write("the whole answer")
        }
      )
      let server = try lab.server()
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let client = try server.client()
      try client.write(question)
      client.finishWriting()
      let (answer, end) = try client.readAll()
      #expect(String(decoding: answer, as: UTF8.self) == "the whole answer")
      #expect(end == .end)
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `the target's end arrives while the client still sends`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let received = Handover<[UInt8]>()
      let target = lab.keep(
        try TargetServer { connection in
          try connection.write("all I have to say")
          connection.finishWriting()
          received.put(try connection.readAll().bytes)
        }
      )
      let server = try lab.server()
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let client = try server.client()
      let (greeting, end) = try client.readAll()
      #expect(String(decoding: greeting, as: UTF8.self) == "all I have to say")
      #expect(end == .end)
      try client.write("and yet I go on")
      client.finishWriting()
      #expect(
        try String(decoding: #require(received.take(within: .seconds(60))), as: UTF8.self)
          == "and yet I go on"
      )
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a client that leaves without a byte disturbs nobody`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      for round in 0..<20 {
        try server.client().close()
        try server.client().exchange("round \(round)\n")
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a thousand clients at once get each its own bytes`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let target = lab.keep(try .echo())
      let server = try lab.server()
      _ = try lab.provider(join: server.joinURL(), target: "127.0.0.1:\(target.port)")
      let clients = try (0..<1000).map { _ in try server.client() }
      for (index, client) in clients.enumerated() { try client.write("client \(index)") }
      for (index, client) in clients.enumerated() {
        let own = "client \(index)"
        let answer = try client.read(exactly: own.utf8.count)
        try #require(String(decoding: answer, as: UTF8.self) == own)
      }
    }
  }

  @Test(arguments: TransportUnderTest.allCases)
  func `a port of its own and the default entry lead to different targets`(
    transport: TransportUnderTest
  ) async throws {
    try await withLab(transport) { lab in
      let first = lab.keep(try .greeting("first"))
      let second = lab.keep(try .greeting("second"))
      let server = try lab.server()
      let port = try lab.unusedPort()
      _ = try lab.provider(
        join: server.joinURL(),
        target: "127.0.0.1:\(first.port)",
        flags: ["--tcp", "\(port)=127.0.0.1:\(second.port)"]
      )
      let one = try server.client().read(exactly: 6)
      let other = try PlainSocket(port: port).read(exactly: 7)
      #expect(String(decoding: one, as: UTF8.self) == "first\n")
      #expect(String(decoding: other, as: UTF8.self) == "second\n")
    }
  }
}

extension Lab {
  /// Runs curl, silent and with a limit on its time.
  func curl(_ arguments: [String]) throws -> Int32? {
    let log = path("curl.log").path(percentEncoded: false)
    let process = try ChildProcess(
      "curl",
      ["-sS", "--fail", "--max-time", "120"] + arguments,
      environment: ProcessInfo.processInfo.environment,
      folder: directory.path(percentEncoded: false),
      output: log,
      errors: log
    )
    atEnd { process.kill() }
    return process.wait(within: .seconds(130))
  }
}
