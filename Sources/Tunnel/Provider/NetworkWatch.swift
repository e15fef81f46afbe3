package import NIOCore

/// Notices that the machine's network is another one: other addresses or routes, a cable pulled, a
/// phone that fell back to its mobile network, or a wake from sleep, after which nothing may be as
/// it was. Confined to its loop.
///
/// On Linux the kernel tells of addresses, routes and interfaces (``RouteSocket``). Without it the
/// list of addresses is compared once a second, which takes some 50 µs; a change of routes alone is
/// then left to the links' own PINGs.
package final class NetworkWatch {
  /// What the watch looks at; tests have their own.
  package struct Senses {
    /// Each interface with each of its addresses.
    package var addresses: () -> Set<String>
    /// How long the machine has slept so far.
    package var timeAsleep: () -> Duration

    package init(
      addresses: @escaping () -> Set<String>,
      timeAsleep: @escaping () -> Duration
    ) {
      self.addresses = addresses
      self.timeAsleep = timeAsleep
    }
  }

  private let loop: any EventLoop
  private let senses: Senses
  private let changed: () -> Void
  private var addresses: Set<String> = []
  private var links: [Int32: RouteChange.LinkState] = [:]
  private var timeAsleep = Duration.zero
  private var look: Scheduled<Void>?
  private var socket: RouteSocket?
  private var isSocketLost = false
  private var settling: Scheduled<Void>?
  private var hasChangedAgain = false

  /// - Parameters:
  ///   - loop: Where everything happens.
  ///   - senses: What to look at.
  ///   - changed: Called at a change, and again when more follows, at most every
  ///     ``TunnelLimits/networkSettleTime``. Must not hold its owner strongly.
  package init(
    loop: any EventLoop,
    senses: Senses = .ofMachine(),
    changed: @escaping () -> Void
  ) {
    self.loop = loop
    self.senses = senses
    self.changed = changed
  }

  /// Begins to look, and goes on until ``stop()``.
  package func start() {
    addresses = senses.addresses()
    timeAsleep = senses.timeAsleep()
    listen()
    lookLater()
  }

  package func stop() {
    look?.cancel()
    look = nil
    settling?.cancel()
    settling = nil
    socket?.close()
    socket = nil
  }

  // MARK: - What the kernel says

  private func listen() {
    isSocketLost = false
    socket = RouteSocket.open(
      on: loop,
      heard: { [weak self] in self?.heard($0) },
      closed: { [weak self] in self?.socketClosed() }
    )
  }

  private func heard(_ changes: [RouteChange]) {
    // No short cut: each of them is to be taken note of.
    let relevant = changes.filter(isRelevant)
    if !relevant.isEmpty { note() }
  }

  private func isRelevant(_ change: RouteChange) -> Bool {
    switch change {
    case .route:
      return true
    case .address:
      // Also said when only an address's lifetime was renewed.
      return haveAddressesChanged()
    case .link(let index, let state):
      // Also said for statistics and the like, and often for wireless interfaces.
      defer { links[index] = state }
      return links[index] != state
    }
  }

  /// The kernel had more to tell than the socket could hold, so that something was missed.
  private func socketClosed() {
    guard socket != nil else { return }
    socket = nil
    isSocketLost = true
    note()
  }

  // MARK: - What has to be looked at

  private func lookLater() {
    let interval = TimeAmount(TunnelLimits.networkLookInterval)
    look = loop.assumeIsolated().scheduleTask(in: interval) { [weak self] in self?.lookNow() }
  }

  private func lookNow() {
    if isSocketLost { listen() }
    if socket == nil, haveAddressesChanged() { note() }
    let slept = senses.timeAsleep()
    if slept - timeAsleep >= TunnelLimits.sleepThreshold { note() }
    timeAsleep = slept
    lookLater()
  }

  private func haveAddressesChanged() -> Bool {
    let before = addresses
    addresses = senses.addresses()
    return addresses != before
  }

  // MARK: - Changes

  /// One change is many messages: the first one counts at once, those soon after it together.
  private func note() {
    guard settling == nil else {
      hasChangedAgain = true
      return
    }
    changed()
    settling = loop.assumeIsolated().scheduleTask(in: TimeAmount(TunnelLimits.networkSettleTime)) {
      [weak self] in
      guard let self else { return }
      self.settling = nil
      guard self.hasChangedAgain else { return }
      self.hasChangedAgain = false
      self.note()
    }
  }
}

extension NetworkWatch.Senses {
  /// Those of this machine.
  package static func ofMachine() -> Self {
    let (continuous, suspending) = (ContinuousClock.now, SuspendingClock.now)
    return Self(
      addresses: {
        let devices = (try? System.enumerateDevices()) ?? []
        return Set(devices.compactMap { device in device.address.map { "\(device.name) \($0)" } })
      },
      // On Linux, CLOCK_BOOTTIME against CLOCK_MONOTONIC.
      timeAsleep: { (ContinuousClock.now - continuous) - (SuspendingClock.now - suspending) }
    )
  }
}
