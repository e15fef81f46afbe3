internal import HawserPrimitives
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A plain client that reads to the end, and has the link cut when it is halfway.
struct DemonstrationDownload {
  /// What the client saw.
  struct Outcome {
    var bytes = ByteBuffer()
    var duration = Duration.zero
    /// The longest time between two reads.
    var longestPause = Duration.zero
    /// From the path's return to the next read; `nil` when the cut came too late.
    var firstByteAfterReturn: Duration?
  }

  /// The time between two lines of progress.
  private static let lineInterval: Duration = .milliseconds(500)

  /// The bytes to expect.
  let size: Int
  /// Tells the person.
  let say: @Sendable (String) -> Void
  /// Cuts the link, and returns when the path is back.
  let cut: @Sendable () async throws -> Void

  /// Downloads everything that `host` and `port` send.
  ///
  /// - Parameters:
  ///   - host: The server's address.
  ///   - port: The server's port for clients.
  /// - Returns: What came, and when.
  /// - Throws: What the system or the cut says.
  func run(host: String, port: Int) async throws -> Outcome {
    let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    say("client    downloads \(StatusReport.bytes(size))")
    let clock = ContinuousClock()
    let returned = PathReturn()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      let outcome = try await client.executeThenClose { inbound, _ in
        let begun = clock.now
        var outcome = Outcome()
        var lastRead = begun
        var lastLine = begun
        var isCut = false
        for try await var bytes in inbound {
          let now = clock.now
          outcome.longestPause = max(outcome.longestPause, lastRead.duration(to: now))
          if outcome.firstByteAfterReturn == nil, let time = returned.time {
            outcome.firstByteAfterReturn = time.duration(to: now)
          }
          lastRead = now
          outcome.bytes.writeBuffer(&bytes)
          if !isCut, outcome.bytes.readableBytes * 2 >= size {
            isCut = true
            group.addTask {
              try await cut()
              returned.note(clock.now)
            }
          }
          if lastLine.duration(to: now) >= Self.lineInterval {
            lastLine = now
            say(progress(outcome.bytes.readableBytes))
          }
        }
        outcome.duration = begun.duration(to: clock.now)
        return outcome
      }
      try await group.waitForAll()
      return outcome
    }
  }

  private func progress(_ count: Int) -> String {
    let width = 30
    let full = count * width / max(1, size)
    let bar = String(repeating: "#", count: full) + String(repeating: " ", count: width - full)
    return "[\(bar)] \(StatusReport.bytes(count))"
  }
}

/// When the path came back; written by the cut, read by the download.
private final class PathReturn: Sendable {
  private let instant = Mutex<ContinuousClock.Instant?>(nil)

  var time: ContinuousClock.Instant? { instant.withLock { $0 } }

  func note(_ time: ContinuousClock.Instant) {
    instant.withLock { $0 = time }
  }
}
