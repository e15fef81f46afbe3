import Glibc
import HawserTransport
import NIOCore
import NIOPosix
import Testing

struct `The words for an error` {
  @Test(arguments: [
    (EADDRINUSE, "address already in use"), (ECONNREFUSED, "connection refused"),
    (ECONNRESET, "connection reset by peer"), (EACCES, "permission denied"),
    (EMFILE, "too many open files"),
  ])
  func `are the system's`(number: CInt, words: String) {
    #expect(IOError(errnoCode: number, reason: "bind(descriptor:ptr:bytes:)").inWords == words)
  }

  @Test func `name no type of NIO's when a dial fails`() async throws {
    try await LinkBench.with { bench in
      let free = try await ServerBootstrap(group: bench.loop).bind(host: "127.0.0.1", port: 0).get()
      let port = try #require(free.localAddress?.port)
      try await free.close()
      let client = try await bench.dial(port: port)
      #expect(try await client.closing() == .unreachable("connection refused"))
    }
  }

  @Test func `say that a name has no address`() async {
    let error = await #expect(throws: NIOConnectionError.self) {
      try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(host: "nowhere.invalid", port: 1).get()
    }
    let words = error?.inWords ?? ""
    #expect(words.hasPrefix("no address of nowhere.invalid is known"), "\(words)")
    #expect(!words.contains("Error"), "\(words)")
  }

  @Test(arguments: [
    (ChannelError.connectTimeout(.seconds(10)), "no answer within 10 s"),
    (ChannelError.connectTimeout(.milliseconds(1500)), "no answer within 1500 ms"),
    (ChannelError.eof, "the other side closed the connection"),
  ])
  func `are a sentence part for what NIO itself finds`(error: ChannelError, words: String) {
    #expect(error.inWords == words)
  }

  @Test func `describe what a peer did wrong without the names of cases`() {
    let violations: [RecordFramingViolation] = [
      .unknownKind(9), .messageTooLarge(70_000), .malformedMessage(1), .impossibleReport(3),
      .unknownPong(4),
    ]
    for violation in violations {
      let text = LinkFailure.protocolViolation(violation).description
      #expect(!text.contains("("), "\(text)")
    }
  }
}
