package import HawserKCP
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// KCP flows, and TCPs beside them, over one path with a bottleneck each way, on a virtual clock.
/// The same seed gives the same run.
package final class PathSimulation {
  private enum Event {
    case toReceiver(flow: Int, packet: Int)
    case toSender(flow: Int, packet: Int)
    case senderTimer(flow: Int)
    case receiverTimer(flow: Int)
    case echo(flow: Int)
    case competing(flow: Int, packet: Int)
    case acknowledging(flow: Int, packet: Int)
    case competitorTimer(flow: Int)
    case sample
  }

  private var forward: SimulatedPath
  private var backward: SimulatedPath
  private var queue = EventQueue<Event>()
  private var packets: [ByteBuffer?] = []
  private var freePackets: [Int] = []
  private(set) var now = Instant.origin
  let flows: [KCPFlow]
  private let competitors: [CompetingFlow]
  private var generator: SeededGenerator
  private var isMeasuring = false
  /// Bytes that had arrived at the end of each tenth of a second, for each flow.
  private(set) var progress: [[Int]]
  /// Datagrams that both ends handled, for measurements of the cost.
  package private(set) var datagrams = 0

  /// `forward`: from the senders to the receivers.
  /// `competitors`: each begins at its time.
  package init(
    forward: PathPlan,
    backward: PathPlan,
    flows plans: [FlowPlan],
    competitors: [(kind: Competitor, start: Duration)] = [],
    seed: UInt64
  ) {
    var generator = SeededGenerator(seed: seed)
    self.forward = SimulatedPath(plan: forward, seed: generator.next())
    self.backward = SimulatedPath(plan: backward, seed: generator.next())
    flows = plans.enumerated().map { KCPFlow($1, number: $0, seed: generator.next()) }
    self.competitors = competitors.map { CompetingFlow($0.kind, start: $0.start) }
    self.generator = generator
    progress = Array(repeating: [], count: plans.count + competitors.count)
    for (index, plan) in plans.enumerated() {
      queue.schedule(.senderTimer(flow: index), at: .origin + plan.start)
      if case .echo = plan.traffic { queue.schedule(.echo(flow: index), at: .origin + plan.start) }
    }
    for (index, flow) in self.competitors.enumerated() {
      queue.schedule(.competitorTimer(flow: index), at: .origin + flow.start)
    }
    queue.schedule(.sample, at: .origin + .milliseconds(100))
  }

  /// Runs until a time; packets are counted in the queue's delays from `measuring` on.
  package func run(until end: Duration, measuringFrom start: Duration = .zero) {
    let end = Instant.origin + end
    while let next = queue.next, next <= end, let (at, event) = queue.pop() {
      now = at
      if !isMeasuring, now - .origin >= start { isMeasuring = true }
      handle(event)
    }
    now = end
  }

  /// How long packets waited for the bottleneck.
  package var queueDelays: Distribution { forward.queueDelays }
  /// Packets that found the queue full.
  package var dropped: Int { forward.dropped }
  /// Bytes of payload that have arrived, flow by flow, those of competitors last.
  package var received: [Int] { flows.map(\.bytesReceived) + competitors.map(\.bytesReceived) }
  /// The senders' counters.
  package var statistics: [KCPStatistics] { flows.map { $0.sender.statistics } }

  private func handle(_ event: Event) {
    switch event {
    case .toReceiver(let index, let packet):
      guard let datagram = take(packet) else { return }
      datagrams += 1
      flows[index].receive(datagram, at: now)
      drainReceiver(index)
    case .toSender(let index, let packet):
      guard let datagram = take(packet) else { return }
      datagrams += 1
      flows[index].receiveAnswer(datagram, at: now)
      drainSender(index)
    case .senderTimer(let index):
      if flows[index].senderTimer.map({ $0 <= now }) ?? true { flows[index].senderTimer = nil }
      if let due = flows[index].sender.nextDeadline, due <= now {
        flows[index].sender.deadlineReached(at: now)
      }
      drainSender(index)
    case .receiverTimer(let index):
      if flows[index].receiverTimer.map({ $0 <= now }) ?? true { flows[index].receiverTimer = nil }
      drainReceiver(index, isTimer: true)
    case .echo(let index): echo(index)
    case .competing(let index, let packet):
      competitors[index].packetArrived()
      if case .arrives(let at, _) = backward.enter(60, measured: false, at: now) {
        queue.schedule(.acknowledging(flow: index, packet: packet), at: at)
      }
    case .acknowledging(let index, let packet):
      competitors[index].acknowledge(packet, at: now)
      drainCompetitor(index)
    case .competitorTimer(let index):
      competitors[index].timer = nil
      competitors[index].deadlineReached(at: now)
      drainCompetitor(index)
    case .sample:
      for (index, bytes) in received.enumerated() { progress[index].append(bytes) }
      queue.schedule(.sample, at: now + .milliseconds(100))
    }
  }

  private func echo(_ index: Int) {
    guard case .echo(let interval, let byteCount) = flows[index].plan.traffic else { return }
    flows[index].offerEcho(byteCount: byteCount, at: now)
    drainSender(index)
    // A tenth of chance, so that it does not keep step with anything.
    let next = interval * Double(950 + generator.below(101)) / 1000
    queue.schedule(.echo(flow: index), at: now + next)
  }

  private func drainSender(_ index: Int) {
    let flow = flows[index]
    guard now - .origin >= flow.plan.start else { return }
    while let datagram = flow.nextFromSender(at: now) {
      flow.bytesOnWire += datagram.readableBytes + KCPFlow.overhead
      let size = datagram.readableBytes + KCPFlow.overhead
      let fate = forward.enter(size, measured: isMeasuring, at: now)
      deliver(datagram, fate) { .toReceiver(flow: index, packet: $0) }
    }
    guard let deadline = flow.sender.nextDeadline else { return }
    if let set = flow.senderTimer, set <= deadline { return }
    flow.senderTimer = max(deadline, now)
    queue.schedule(.senderTimer(flow: index), at: max(deadline, now))
  }

  private func drainReceiver(_ index: Int, isTimer: Bool = false) {
    let flow = flows[index]
    var deadline: Instant?
    if flow.stock != nil {
      for datagram in flow.stock?.deadlineReached(at: now) ?? [] { answer(datagram, index) }
      deadline = flow.stock?.deadline
    } else {
      if isTimer, let due = flow.receiver.nextDeadline, due <= now {
        flow.receiver.deadlineReached(at: now)
      }
      while let datagram = flow.nextFromReceiver(at: now) { answer(datagram, index) }
      deadline = flow.receiver.nextDeadline
    }
    guard let deadline else { return }
    if let set = flow.receiverTimer, set <= deadline { return }
    flow.receiverTimer = max(deadline, now)
    queue.schedule(.receiverTimer(flow: index), at: max(deadline, now))
  }

  private func answer(_ datagram: ByteBuffer, _ index: Int) {
    let size = datagram.readableBytes + KCPFlow.overhead
    flows[index].bytesOnWire += size
    let fate = backward.enter(size, measured: false, at: now)
    deliver(datagram, fate) { .toSender(flow: index, packet: $0) }
  }

  private func deliver(_ datagram: ByteBuffer, _ fate: SimulatedPath.Fate, _ event: (Int) -> Event)
  {
    guard case .arrives(let at, let again) = fate else { return }
    queue.schedule(event(keep(datagram)), at: at)
    if let again { queue.schedule(event(keep(datagram)), at: again) }
  }

  private func drainCompetitor(_ index: Int) {
    let flow = competitors[index]
    while let packet = flow.nextPacket(at: now) {
      if case .arrives(let at, _) = forward.enter(
        CompetingFlow.packetSize,
        measured: false,
        at: now
      ) {
        queue.schedule(.competing(flow: index, packet: packet), at: at)
      }
    }
    let deadline = max(flow.deadline, now + .microseconds(10))
    if let set = flow.timer, set <= deadline { return }
    flow.timer = deadline
    queue.schedule(.competitorTimer(flow: index), at: deadline)
  }

  private func keep(_ datagram: ByteBuffer) -> Int {
    if let free = freePackets.popLast() {
      packets[free] = datagram
      return free
    }
    packets.append(datagram)
    return packets.count - 1
  }

  private func take(_ packet: Int) -> ByteBuffer? {
    freePackets.append(packet)
    return packets[packet].take()
  }
}
