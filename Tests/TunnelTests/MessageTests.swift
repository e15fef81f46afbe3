import HawserTunnel
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(10)))
struct `The message about a port that cannot be had` {
  private static func message(
    configure: (inout ServerConfiguration) -> Void
  ) async throws -> String {
    let error = await #expect(throws: TunnelError.self) {
      try await Tunnel.start(configure: configure)
    }
    return try #require(error).description
  }

  @Test(arguments: [true, false])
  func `says that another process has it`(isControl: Bool) async throws {
    let taken = try await ServerBootstrap(group: Tunnel.group)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = UInt16(try #require(taken.localAddress?.port))
    let message = try await Self.message {
      if isControl { $0.controlPort = port } else { $0.listenPort = port }
    }
    #expect(
      message == "cannot listen on 127.0.0.1:\(port): address already in use; "
        + "choose another port or stop what uses it"
    )
    try await taken.close()
  }

  @Test func `says that the address is another machine's`() async throws {
    let message = try await Self.message { $0.address = "192.0.2.77" }
    #expect(
      message == "cannot listen on 192.0.2.77:0: cannot assign requested address; "
        + "name an address of this machine"
    )
  }

  @Test func `writes an IPv6 address in brackets`() async throws {
    let message = try await Self.message { $0.address = "2001:db8::77" }
    #expect(message.hasPrefix("cannot listen on [2001:db8::77]:0: "), "\(message)")
  }

  @Test func `says that a name has no address`() async throws {
    let message = try await Self.message { $0.address = "nowhere.invalid" }
    let start = "cannot listen on nowhere.invalid:0: no address of nowhere.invalid is known"
    #expect(message.hasPrefix(start), "\(message)")
  }
}
