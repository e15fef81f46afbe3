internal import NIOCore
internal import NIOPosix

/// A service that sends the same bytes to whoever connects, and closes.
struct DemonstrationTarget: Sendable {
  /// What is written at a time, in bytes: chosen, a few reads of a relay.
  private static let chunk = 256 << 10

  /// The port on 127.0.0.1.
  let port: Int
  private let serving: Task<Void, any Error>

  /// - Parameters:
  ///   - contents: What every client gets.
  ///   - group: Where the sockets live.
  /// - Throws: What the system says against listening.
  init(contents: ByteBuffer, on group: any EventLoopGroup) async throws {
    let listener = try await ServerBootstrap(group: group)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true)
          )
        }
      }
    port = listener.channel.localAddress?.port ?? 0
    serving = Task {
      try await withThrowingDiscardingTaskGroup { group in
        try await listener.executeThenClose { clients in
          for try await client in clients {
            group.addTask { try? await Self.serve(client, contents) }
          }
        }
      }
    }
  }

  /// Closes the listener and every connection.
  func stop() async {
    serving.cancel()
    _ = await serving.result
  }

  private static func serve(
    _ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
    _ contents: ByteBuffer
  ) async throws {
    try await client.executeThenClose { inbound, outbound in
      var rest = contents
      while let slice = rest.readSlice(length: min(chunk, rest.readableBytes)),
        slice.readableBytes > 0
      {
        try await outbound.write(slice)
      }
      // Closing drops what the socket has not taken yet: the client closes first.
      outbound.finish()
      for try await _ in inbound {}
    }
  }
}
