internal import HawserPrimitives
internal import HawserSecureDatagram
internal import struct NIOCore.ByteBuffer

/// An established channel whose peer says anything, from anywhere, in any order.
///
/// Each operation is a byte that chooses it and a byte that is its argument; what the client says
/// is followed by its bytes, which are sealed as they are.
struct ChannelOperations: ~Copyable {
  private let client: SecureChannel
  private let server: SecureChannel
  private var rest: ArraySlice<UInt8>
  private var now = Instant.origin
  private var sealed: [ByteBuffer] = []
  /// Authentic bytes from, and bytes to, addresses other than the first.
  private var received: [PathAddress: Int] = [:]
  private var sent: [PathAddress: Int] = [:]
  private var proved: Set<PathAddress> = []

  /// Runs `input` to its end; see ``FuzzTarget/complaint(about:)``.
  static func complaint(about input: [UInt8]) -> String? {
    guard let world = DatagramWorld(), let channels = world.establish() else {
      return "there is no channel"
    }
    var operations = ChannelOperations(channels, input, home: world.client)
    return operations.run()
  }

  private init(
    _ channels: (client: SecureChannel, server: SecureChannel),
    _ input: [UInt8],
    home: PathAddress
  ) {
    (client, server) = channels
    rest = input[...]
    proved = [home]
  }

  private mutating func run() -> String? {
    while let operation = rest.popFirst(), let argument = rest.popFirst() {
      now = now + .milliseconds(Int(argument))
      switch operation % 10 {
      case 0...3: say(count: Int(argument), at: Int(operation >> 4))
      case 4: replay(argument, at: Int(operation >> 4))
      case 5: send()
      case 6: waitUntilDeadline()
      case 7: now = now + .seconds(Int64(argument) * 4)
      case 8: server.suspectBlackHole(at: now)
      default: if argument == 255 { server.close(code: 1, at: now) } else { server.ping(at: now) }
      }
      if let complaint = drain() { return complaint }
    }
    return nil
  }

  private func address(_ index: Int) -> PathAddress? {
    PathAddress(host: [198, 51, 100, UInt8(index / 2)], port: UInt16(40_000 + index % 2))
  }

  /// The client says the next bytes of the input, whatever they mean.
  private mutating func say(count: Int, at place: Int) {
    let bytes = rest.prefix(count)
    rest = rest.dropFirst(count)
    guard let first = bytes.first else { return }
    var datagram = ByteBuffer()
    let address = client.seal(.segments, into: &datagram, at: now) { buffer in
      buffer.setInteger(first, at: buffer.writerIndex - 1)
      buffer.writeBytes(bytes.dropFirst())
      return true
    }
    guard address != nil else { return }
    if sealed.count < 64 { sealed.append(datagram) }
    deliver(datagram, from: place)
  }

  private mutating func replay(_ argument: UInt8, at place: Int) {
    guard !sealed.isEmpty else { return }
    deliver(sealed[Int(argument) % sealed.count], from: place)
  }

  private mutating func deliver(_ datagram: ByteBuffer, from place: Int) {
    guard let address = address(place) else { return }
    var payload = ByteBuffer()
    switch server.receive(datagram, from: address, at: now, into: &payload) {
    case .payload, .control, .dropped(.unknownContent), .dropped(.closed):
      received[address, default: 0] += datagram.readableBytes
    case .dropped: break
    }
  }

  private mutating func send() {
    var datagram = ByteBuffer()
    let address = server.seal(.segments, into: &datagram, at: now) { buffer in
      buffer.writeRepeatingByte(1, count: 200)
      return true
    }
    if let address { sent[address, default: 0] += datagram.readableBytes }
  }

  private mutating func waitUntilDeadline() {
    guard let deadline = server.nextDeadline else { return }
    now = max(now, deadline)
    server.deadlineReached(at: now)
  }

  private mutating func drain() -> String? {
    while let event = server.nextEvent() {
      if case .pathChanged(let change) = event { proved.insert(change.address) }
    }
    var count = 0
    var datagram = ByteBuffer()
    while let address = server.nextTransmission(into: &datagram, at: now) {
      sent[address, default: 0] += datagram.readableBytes
      count += 1
      guard count <= 64 else { return "it does not stop sending" }
      datagram.clear()
    }
    server.deadlineReached(at: now)
    for (address, bytes) in sent where !proved.contains(address) {
      guard bytes <= 3 * received[address, default: 0] else {
        return "an address that proved nothing was sent more than three times as much"
      }
    }
    return nil
  }
}
