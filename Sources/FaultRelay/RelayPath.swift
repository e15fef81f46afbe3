internal import DequeModule
internal import NIOCore

/// One direction of a relayed connection: holds what arrived until the faults let it pass.
/// Confined to the relay's loop.
///
/// Bounded: when ``RelayFaults/heldBytesLimit`` is held the source is not read any more. (When the
/// peer closes, NIO reads what the kernel still has; that is at most one receive buffer more.)
final class RelayPath {
  private let core: RelayCore
  private let direction: RelayDirection
  var source: (any Channel)?
  var sink: (any Channel)?
  private var held: Deque<(due: NIODeadline, content: Content)> = []
  /// Bytes that arrived and were not yet handed to the sink.
  private(set) var heldBytes = 0
  private var wakeUp: (at: NIODeadline, task: Scheduled<Void>)?
  /// Whether the source has said that nothing more will come.
  private(set) var hasEnded = false
  /// Whether the sink has been told so.
  private(set) var hasDeliveredEnd = false
  private var isSinkClosed = false

  private enum Content {
    case bytes(ByteBuffer)
    case end
    case reset
  }

  init(core: RelayCore, direction: RelayDirection) {
    self.core = core
    self.direction = direction
  }

  // MARK: - In

  /// The source sent bytes; ``pump()`` follows when its batch is complete.
  func received(_ bytes: ByteBuffer) {
    guard !isSinkClosed else { return }
    heldBytes += bytes.readableBytes
    hold(.bytes(bytes))
    updateReading()
  }

  /// The source sent FIN.
  func receivedEnd() {
    hasEnded = true
    hold(.end)
    pump()
  }

  /// The source was reset, or closed before its end was told.
  func receivedReset() {
    hasEnded = true
    hold(.reset)
    pump()
  }

  /// Nothing can be delivered any more.
  func sinkClosed() {
    isSinkClosed = true
    held.removeAll()
    heldBytes = 0
    cancelWakeUp()
    updateReading()
  }

  private func hold(_ content: Content) {
    guard !isSinkClosed else { return }
    let delay = TimeAmount(core.faults.delay)
    held.append((delay > .zero ? .now() + delay : .distantPast, content))
  }

  // MARK: - Out

  /// Forwards what the faults and the sink allow, and sets a timer for the rest.
  func pump() {
    guard !core.faults.isSilent, let sink, !isSinkClosed else { return }
    let now = NIODeadline.now()
    while let (due, content) = held.first {
      guard due <= now else { return finishPump(wakingAt: due) }
      switch content {
      case .bytes(let bytes):
        guard sink.isWritable else { return finishPump(wakingAt: nil) }
        guard let rate = core.faults.bytesPerSecond else {
          held.removeFirst()
          forward(bytes, to: sink)
          continue
        }
        guard core.freeAt(direction) <= now else {
          return finishPump(wakingAt: core.freeAt(direction))
        }
        forwardPart(of: bytes, due: due, to: sink, bytesPerSecond: rate, now: now)
      case .end:
        held.removeFirst()
        shutDownWriting(sink)
      case .reset:
        return reset(sink)
      }
    }
    finishPump(wakingAt: nil)
  }

  private func forward(_ bytes: ByteBuffer, to sink: any Channel) {
    heldBytes -= bytes.readableBytes
    core.count(bytes.readableBytes, direction)
    sink.write(bytes, promise: nil)
  }

  private func forwardPart(
    of bytes: ByteBuffer,
    due: NIODeadline,
    to sink: any Channel,
    bytesPerSecond: Int,
    now: NIODeadline
  ) {
    var rest = bytes
    let count = min(core.faults.quantum(bytesPerSecond: bytesPerSecond), rest.readableBytes)
    guard let part = rest.readSlice(length: count) else { return }
    held.removeFirst()
    if rest.readableBytes > 0 { held.prepend((due, .bytes(rest))) }
    forward(part, to: sink)
    core.occupy(direction, bytes: count, bytesPerSecond: bytesPerSecond, now: now)
  }

  /// Sends FIN once everything written before has reached the kernel. (Closing the output at once
  /// would drop it: with its input closed already, NIO closes the whole channel.)
  private func shutDownWriting(_ sink: any Channel) {
    sink.writeAndFlush(ByteBuffer()).assumeIsolated().whenSuccess { [self] in
      hasDeliveredEnd = true
      sink.close(mode: .output, promise: nil)
    }
  }

  private func finishPump(wakingAt deadline: NIODeadline?) {
    sink?.flush()
    updateReading()
    if let deadline { wake(at: deadline) }
  }

  // MARK: - Reading and time

  /// Reads from the source exactly while the path has room and is not silent.
  func updateReading() {
    guard !hasEnded else { return }
    let hasRoom = heldBytes < core.faults.heldBytesLimit
    setOption(.autoRead, to: hasRoom && !core.faults.isSilent, on: source)
  }

  /// Acts on other faults: what was held is due by the delay under which it came.
  func faultsChanged() {
    cancelWakeUp()
    updateReading()
    pump()
  }

  private func wake(at deadline: NIODeadline) {
    if let wakeUp, wakeUp.at <= deadline { return }
    cancelWakeUp()
    let task = core.loop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
      wakeUp = nil
      pump()
    }
    wakeUp = (deadline, task)
  }

  private func cancelWakeUp() {
    wakeUp?.task.cancel()
    wakeUp = nil
  }
}
