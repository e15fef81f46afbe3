import Glibc
import HawserTunnel
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

struct `A network watch without the kernel's news` {
  /// A watch at virtual time, on a loop that has no sockets.
  private final class Bench {
    let loop = EmbeddedEventLoop()
    var addresses: Set<String> = ["eth0 192.0.2.1"]
    var timeAsleep = Duration.zero
    var changes = 0
    private(set) lazy var watch = NetworkWatch(
      loop: loop,
      senses: NetworkWatch.Senses(
        addresses: { [unowned self] in addresses },
        timeAsleep: { [unowned self] in timeAsleep }
      )
    ) { [unowned self] in changes += 1 }

    init() {
      watch.start()
    }

    deinit {
      watch.stop()
    }

    func pass(_ time: Duration) {
      loop.advanceTime(by: .nanoseconds(time.components.seconds * 1_000_000_000))
    }
  }

  @Test func `notices another address within a second, once`() {
    let bench = Bench()
    bench.pass(.seconds(10))
    #expect(bench.changes == 0)
    bench.addresses = ["wwan0 198.51.100.7"]
    bench.pass(.seconds(1))
    #expect(bench.changes == 1)
    bench.pass(.seconds(10))
    #expect(bench.changes == 1)
  }

  @Test func `notices that the machine has slept, and no drift of clocks`() {
    let bench = Bench()
    for _ in 0..<100 {
      bench.timeAsleep += .milliseconds(10)
      bench.pass(.seconds(1))
    }
    #expect(bench.changes == 0)
    bench.timeAsleep += .seconds(3600)
    bench.pass(.seconds(1))
    #expect(bench.changes == 1)
    bench.pass(.seconds(10))
    #expect(bench.changes == 1)
  }

  @Test func `looks no more when it is stopped`() {
    let bench = Bench()
    bench.watch.stop()
    bench.addresses = []
    bench.pass(.seconds(10))
    #expect(bench.changes == 0)
  }
}

struct `What the kernel says of the network` {
  /// A message: its header, and a body padded as the kernel does.
  private static func message(_ type: UInt16, _ body: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(UInt32(16 + body.count), endianness: .host)
    buffer.writeInteger(type, endianness: .host)
    buffer.writeRepeatingByte(0, count: 10)
    buffer.writeBytes(body)
    buffer.writeRepeatingByte(0, count: (4 - body.count % 4) % 4)
    return buffer
  }

  private static func link(_ type: UInt16, index: Int32, flags: UInt32) -> ByteBuffer {
    var body = ByteBuffer(bytes: [0, 0, 1, 0])
    body.writeInteger(index, endianness: .host)
    body.writeInteger(flags, endianness: .host)
    body.writeInteger(UInt32.max, endianness: .host)
    return message(type, Array(body.readableBytesView) + [9, 9, 9])
  }

  private static func route(type: UInt8) -> ByteBuffer {
    message(24, [2, 0, 0, 0, 254, 3, 0, type, 0, 0, 0, 0])
  }

  private static let all: [(ByteBuffer, RouteChange?)] = [
    (link(16, index: 3, flags: 0x41), .link(index: 3, .init(isUp: true, isRunning: true))),
    (link(16, index: 3, flags: 0x1), .link(index: 3, .init(isUp: true, isRunning: false))),
    (link(17, index: 3, flags: 0x41), .link(index: 3, .init(isUp: false, isRunning: false))),
    (message(20, [2, 8, 0, 0, 1, 0, 0, 0]), .address),
    (message(21, [2, 8, 0, 0, 1, 0, 0, 0]), .address),
    (route(type: 1), .route),
    // Of the local table: it comes with its address.
    (route(type: 2), nil),
    // Neighbours are not asked for.
    (message(28, [0, 0, 0, 0]), nil),
  ]

  @Test func `is read message by message`() {
    for (bytes, change) in Self.all {
      #expect(RouteChange.parse(bytes) == [change].compactMap { $0 })
    }
  }

  @Test func `is read when many messages come at once`() {
    var bytes = ByteBuffer()
    for (message, _) in Self.all { bytes.writeImmutableBuffer(message) }
    #expect(RouteChange.parse(bytes) == Self.all.compactMap(\.1))
  }

  @Test func `is read up to where it is cut short`() {
    var bytes = Self.message(20, [])
    bytes.writeImmutableBuffer(Self.link(16, index: 3, flags: 0))
    for count in 0...bytes.readableBytes {
      let changes = RouteChange.parse(ByteBuffer(bytes: bytes.readableBytesView.prefix(count)))
      #expect(changes.count <= 2)
      if count >= 16 { #expect(changes.first == .address) }
    }
  }

  @Test(arguments: [0, 15, UInt32.max])
  func `is not believed about lengths`(length: UInt32) {
    var bytes = Self.message(20, [1, 2, 3, 4])
    bytes.setInteger(length, at: 0, endianness: .host)
    #expect(RouteChange.parse(bytes) == [])
  }
}

@Suite(.timeLimit(.minutes(10)))
struct `A network watch in a network of its own` {
  /// In a process of its own, one thread of which leaves for a network without interfaces but lo.
  @Test(.enabled(if: Namespace.isPermitted, "network namespaces need root"))
  func `hears of an interface that comes up and goes down`() async {
    await #expect(processExitsWith: .success) {
      let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
      try #require(try await loop.submit { Namespace.enter() }.get())
      let state = try await loop.submit {
        let state = NIOLoopBound(State(), eventLoop: loop)
        // Addresses that never change: what it notices is what it hears.
        let senses = NetworkWatch.Senses(addresses: { [] }, timeAsleep: { .zero })
        let watch = NetworkWatch(loop: loop, senses: senses) { state.value.changes += 1 }
        state.value.watch = watch
        watch.start()
        return state
      }.get()
      for (isUp, minimum) in [(true, 1), (false, 2), (true, 3)] {
        try #require(try await loop.submit { Namespace.setLoopback(isUp: isUp) }.get())
        try await Tunnel.eventually("change \(minimum)") {
          try await loop.submit { state.value.changes >= minimum }.get()
        }
      }
      try await loop.submit { state.value.watch?.stop() }.get()
    }
  }

  private final class State {
    var watch: NetworkWatch?
    var changes = 0
  }
}

/// Networks that a thread has to itself (network_namespaces(7)).
private enum Namespace {
  /// Whether this process may make one.
  static let isPermitted: Bool = {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    return (try? group.next().submit { enter() }.wait()) ?? false
  }()

  /// Takes the calling thread there.
  static func enter() -> Bool {
    // unshare(CLONE_NEWNET): sched.h shows it to C only with _GNU_SOURCE.
    guard let symbol = dlsym(nil, "unshare") else { return false }
    return unsafeBitCast(symbol, to: (@convention(c) (CInt) -> CInt).self)(0x4000_0000) == 0
  }

  /// Switches the calling thread's lo on or off.
  static func setLoopback(isUp: Bool) -> Bool {
    let descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var request = ifreq()
    withUnsafeMutableBytes(of: &request.ifr_ifrn) { $0.copyBytes(from: "lo\0".utf8) }
    request.ifr_ifru.ifru_flags = isUp ? Int16(IFF_UP) : 0
    return ioctl(descriptor, UInt(SIOCSIFFLAGS), &request) == 0
  }
}
