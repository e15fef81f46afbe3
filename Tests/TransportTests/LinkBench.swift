import HawserPrimitives
import HawserTLS
import HawserTransport
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A user that sends what it is told and remembers what it hears. Confined to the link's loop.
final class RecordingUser: LinkUser {
  var outgoing: [ByteBuffer] = []
  var nextOutgoing = 0
  var received: [ByteBuffer] = []
  var receivedBytes = 0
  var keepsReceived = true
  var delivered: [RecordNumber] = []
  var healths: [LinkHealth] = []
  var recordSizes: [Int] = []
  var roundTrips: [Duration] = []
  var readCompletions = 0
  var isReady = false
  var closings: [LinkFailure] = []
  var link: (any Link)?
  var establishesItself = true
  /// Becomes the link's user when a record arrives.
  var handsOverTo: RecordingUser?
  /// Called for each pull instead of sending ``outgoing``.
  var source: ((inout ByteBuffer) -> RecordNumber?)?

  private var waiters: [(condition: (RecordingUser) -> Bool, promise: EventLoopPromise<Void>)] = []
  private let loop: any EventLoop

  init(on loop: any EventLoop) {
    self.loop = loop
  }

  func wait(until condition: @escaping (RecordingUser) -> Bool) -> EventLoopFuture<Void> {
    if condition(self) { return loop.makeSucceededVoidFuture() }
    let promise = loop.makePromise(of: Void.self)
    waiters.append((condition, promise))
    return promise.futureResult
  }

  func send(_ records: [ByteBuffer]) {
    outgoing += records
    link?.wake()
  }

  func linkReady(_ link: any Link) {
    callBack(link)
    isReady = true
    if establishesItself { link.established() }
    check()
  }

  /// What a user may call from within any of its methods.
  private func callBack(_ link: any Link) {
    link.wake()
    _ = link.statistics
    link.setHeartbeat(TransportLimits.initialHeartbeat)
  }

  func link(_ link: any Link, nextRecordInto buffer: inout ByteBuffer) -> RecordNumber? {
    callBack(link)
    if let source { return source(&buffer) }
    guard nextOutgoing < outgoing.count else { return nil }
    defer { nextOutgoing += 1 }
    buffer.writeImmutableBuffer(outgoing[nextOutgoing])
    return RecordNumber(UInt64(nextOutgoing))
  }

  func link(_ link: any Link, received record: ByteBuffer) {
    callBack(link)
    receivedBytes += record.readableBytes
    if keepsReceived { received.append(record) }
    if let handsOverTo { link.user = handsOverTo }
    if !waiters.isEmpty { check() }
  }

  func link(_ link: any Link, delivered record: RecordNumber) {
    callBack(link)
    delivered.append(record)
  }

  func linkReadComplete(_ link: any Link) {
    callBack(link)
    readCompletions += 1
    check()
  }

  func link(_ link: any Link, takesRecordsOf bytes: Int) {
    callBack(link)
    recordSizes.append(bytes)
    check()
  }

  func link(_ link: any Link, became health: LinkHealth) {
    callBack(link)
    healths.append(health)
    check()
  }

  func link(_ link: any Link, roundTrip: Duration) {
    callBack(link)
    roundTrips.append(roundTrip)
    check()
  }

  func linkClosed(_ link: any Link, reason: LinkFailure) {
    callBack(link)
    closings.append(reason)
    check()
  }

  private func check() {
    let ready = waiters.filter { $0.condition(self) }
    guard !ready.isEmpty else { return }
    waiters.removeAll { $0.condition(self) }
    for waiter in ready { waiter.promise.succeed() }
  }
}

/// A handle on a user, from outside of its loop.
struct Peer: Sendable {
  private let loop: any EventLoop
  private let user: NIOLoopBound<RecordingUser>

  init(_ user: RecordingUser, on loop: any EventLoop) {
    self.loop = loop
    self.user = NIOLoopBound(user, eventLoop: loop)
  }

  @discardableResult
  func run<Value: Sendable>(
    _ body: @escaping @Sendable (RecordingUser) throws -> Value
  ) async throws -> Value {
    let user = user
    return try await loop.submit { try body(user.value) }.get()
  }

  func wait(until condition: @escaping @Sendable (RecordingUser) -> Bool) async throws {
    let user = user
    try await loop.flatSubmit { user.value.wait(until: condition) }.get()
  }

  /// Waits for the link's end.
  func closing() async throws -> LinkFailure? {
    try await wait { !$0.closings.isEmpty }
    return try await run { $0.closings.first }
  }
}

/// A listener and what dials it, all on one loop, on a free port of the loopback.
final class LinkBench: Sendable {
  static let seed = [UInt8](repeating: 7, count: 32)
  /// The public key of ``seed``.
  static let publicKey: [UInt8] = [
    0xEA, 0x4A, 0x6C, 0x63, 0xE2, 0x9C, 0x52, 0x0A, 0xBE, 0xF5, 0x50, 0x7B, 0x13, 0x2E, 0xC5, 0xF9,
    0x95, 0x47, 0x76, 0xAE, 0xBE, 0xBE, 0x7B, 0x92, 0x42, 0x1E, 0xEA, 0x69, 0x14, 0x46, 0xD2, 0x2C,
  ]

  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  let loop: any EventLoop
  let port: Int
  private let log = WarningLog()
  private let state: NIOLoopBound<State>

  final class State {
    var listener: TCPListener?
    var accepted: [RecordingUser] = []
    var waiters: [(count: Int, promise: EventLoopPromise<Void>)] = []
    var establishes = true

    func accept(_ link: any Link, on loop: any EventLoop) -> any LinkUser {
      let user = RecordingUser(on: loop)
      user.link = link
      user.establishesItself = establishes
      accepted.append(user)
      for waiter in waiters where waiter.count <= accepted.count { waiter.promise.succeed() }
      waiters.removeAll { $0.count <= accepted.count }
      return user
    }
  }

  init(limits: TCPListener.Limits = .init(), establishes: Bool = true) async throws {
    let loop = group.next()
    self.loop = loop
    state = try await loop.submit {
      let state = State()
      state.establishes = establishes
      return NIOLoopBound(state, eventLoop: loop)
    }.get()
    let state = state
    let log = log
    port = try await loop.flatSubmit {
      do {
        let tls = try TLSContext.server(ed25519Seed: Self.seed)
        let listener = TCPListener(
          on: loop,
          tls: tls,
          limits: limits,
          logger: Logger(label: "test") { _ in log }
        ) { state.value.accept($0, on: loop) }
        state.value.listener = listener
        return listener.bind(host: "127.0.0.1", port: 0).map { $0.port ?? 0 }
      } catch {
        return loop.makeFailedFuture(error)
      }
    }.get()
  }

  /// Runs a test and tears everything down.
  static func with(
    limits: TCPListener.Limits = .init(),
    establishes: Bool = true,
    _ body: (LinkBench) async throws -> Void
  ) async throws {
    let bench = try await LinkBench(limits: limits, establishes: establishes)
    do {
      try await body(bench)
    } catch {
      try await bench.tearDown()
      throw error
    }
    try await bench.tearDown()
  }

  /// The listener and the users of its links hold each other until here.
  private func tearDown() async throws {
    let state = state
    try await loop.submit {
      state.value.listener = nil
      state.value.accepted = []
    }.get()
    try await group.shutdownGracefully()
  }

  func dial(
    verification: TLSVerification = .pinned([LinkBench.publicKey]),
    port: Int? = nil,
    timeout: Duration = .seconds(600),
    givesUp: Bool = false
  ) async throws -> Peer {
    let loop = loop
    let port = port ?? self.port
    return try await loop.submit {
      let user = RecordingUser(on: loop)
      user.link = try TCPDialler(on: loop).dial(
        host: "127.0.0.1",
        port: port,
        verification: verification,
        timeout: timeout,
        user: user
      )
      if givesUp { user.link?.abort() }
      return Peer(user, on: loop)
    }.get()
  }

  /// The link that was accepted as the `index`th, counted from 0.
  func accepted(_ index: Int) async throws -> Peer {
    let loop = loop
    let state = state
    return try await loop.flatSubmit { () -> EventLoopFuture<Void> in
      if state.value.accepted.count > index { return loop.makeSucceededVoidFuture() }
      let promise = loop.makePromise(of: Void.self)
      state.value.waiters.append((index + 1, promise))
      return promise.futureResult
    }.map { Peer(state.value.accepted[index], on: loop) }.get()
  }

  /// Two ends of one link, both ready.
  func pair() async throws -> (client: Peer, server: Peer) {
    let client = try await dial()
    let server = try await accepted(0)
    try await client.wait { $0.isReady }
    try await server.wait { $0.isReady }
    return (client, server)
  }

  /// What the listener logged at level warning or above.
  var warnings: [String] { log.lines }

  var refusedConnections: UInt64 {
    get async throws {
      let state = state
      return try await loop.submit { state.value.listener?.refusedConnections ?? 0 }.get()
    }
  }
}

/// Keeps warnings, and prints nothing.
final class WarningLog: LogHandler {
  private let kept = NIOLockedValueBox<[String]>([])

  var lines: [String] { kept.withLockedValue { $0 } }

  func log(event: LogEvent) {
    guard event.level >= .warning else { return }
    kept.withLockedValue { $0.append("\(event.message)") }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }

  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
}
