internal import ArgumentParser
internal import Foundation
internal import HawserFaultRelay
internal import HawserPrimitives
internal import NIOPosix

/// `hawser relay`, for demonstrations and tests.
struct RelayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "relay",
    abstract: "Relays TCP over a bad network that standard input commands.",
    discussion: """
      Each line of standard input is an order:
      \(RelayOrder.help)

      The ready file is JSON with `role`, `address`, `port` and `pid`.

      EXAMPLE
        hawser relay --listen 127.0.0.1:0 --target 127.0.0.1:9887
      """,
    shouldDisplay: false
  )

  @Option(help: ArgumentHelp("Where to accept; port 0 picks one.", valueName: "host:port"))
  var listen = "127.0.0.1:0"

  @Option(help: ArgumentHelp("Where connections go.", valueName: "host:port"))
  var target: String

  @Option(
    help: ArgumentHelp("Write this file when the port is bound.", valueName: "file"),
    completion: .file()
  )
  var readyFile: String?

  func run() async throws {
    let (address, port) = try Self.split(listen)
    let (targetHost, targetPort) = try Self.split(target)
    let file = readyFile.map(ReadyFile.init)
    let relay: FaultRelay
    do throws(FaultRelayError) {
      relay = try await FaultRelay.start(
        listen: address,
        port: port,
        to: targetHost,
        port: targetPort,
        on: MultiThreadedEventLoopGroup.singleton
      )
    } catch {
      throw CommandFailure(.configuration, "\(error)")
    }
    let readiness = Readiness(address: relay.address, port: relay.port, pid: getpid())
    try file?.write(readiness)
    Terminal.print("relay: \(relay.address):\(relay.port) to \(target)")
    try await StopSignals.handle(cleanUp: { file?.remove() }) { signals in
      let orders = Task { await Self.obeyInput(relay) }
      await signals.wait()
      orders.cancel()
      await relay.stop()
    }
    file?.remove()
  }

  private struct Readiness: Encodable {
    var role = "relay"
    var address: String
    var port: Int
    var pid: Int32
  }

  /// Splits `host:port` or `[v6]:port`; port 0 is one.
  private static func split(_ text: String) throws -> (host: String, port: Int) {
    guard let colon = text.lastIndex(of: ":"),
      let port = UInt16(text[text.index(after: colon)...]),
      let host = try? Host(text[..<colon])
    else { throw ValidationError("‘\(text)’ is not host:port") }
    return (host.text, Int(port))
  }

  /// Carries out the lines of standard input, each in its turn, until it ends.
  private static func obeyInput(_ relay: FaultRelay) async {
    let (lines, continuation) = AsyncStream.makeStream(of: String.self)
    // Reading blocks, so it gets a thread; the process's end takes it along.
    Thread.detachNewThread {
      while let line = readLine() { continuation.yield(line) }
      continuation.finish()
    }
    for await line in lines where !line.isEmpty {
      guard let order = RelayOrder(line: line) else {
        Terminal.complain("relay: unknown order ‘\(line)’; the orders are\n\(RelayOrder.help)")
        continue
      }
      do {
        try await obey(order, relay)
        Terminal.print("relay: \(line)")
      } catch {
        Terminal.complain("relay: \(line): \(error)")
      }
    }
  }

  private static func obey(_ order: RelayOrder, _ relay: FaultRelay) async throws {
    switch order {
    case .cut: try await relay.cut()
    case .outage(let time):
      try await relay.refuse(true)
      try await relay.cut()
      try await Task.sleep(for: time)
      try await relay.refuse(false)
    case .refuse(let isRefusing): try await relay.refuse(isRefusing)
    case .silence(let isSilent): try await relay.silence(isSilent)
    case .silenceFor(let time):
      try await relay.silence(true)
      try await Task.sleep(for: time)
      try await relay.silence(false)
    case .delay(let time): try await relay.delay(time)
    case .throttle(let bytes):
      try await relay.throttle(bytesPerSecond: bytes.map { Int(clamping: $0) })
    case .counters: Terminal.print("relay: \(try await relay.counters())")
    }
  }
}
