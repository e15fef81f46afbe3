internal import NIOCore

/// Notices that the machine has other addresses than before: another Wi-Fi, a cable pulled, a phone
/// that fell back to its mobile network. Confined to its loop.
///
/// It compares the list of addresses once a second, which takes some 50 µs. The routing table may
/// change without it; then the links' own PINGs find out.
final class NetworkWatch {
  private let loop: any EventLoop
  private let changed: () -> Void
  private var known: Set<String>?
  private var next: Scheduled<Void>?

  /// - Parameters:
  ///   - loop: Where everything happens.
  ///   - changed: Called after each change. Must not hold its owner strongly.
  init(loop: any EventLoop, changed: @escaping () -> Void) {
    self.loop = loop
    self.changed = changed
  }

  /// Begins to look, and goes on until ``stop()``.
  func start() {
    look()
  }

  func stop() {
    next?.cancel()
    next = nil
  }

  private func look() {
    let addresses = Self.addresses
    if let known, known != addresses { changed() }
    known = addresses
    let interval = TimeAmount(TunnelLimits.networkLookInterval)
    next = loop.assumeIsolated().scheduleTask(in: interval) { [weak self] in self?.look() }
  }

  /// Each interface with each of its addresses.
  private static var addresses: Set<String> {
    let devices = (try? System.enumerateDevices()) ?? []
    return Set(devices.compactMap { device in device.address.map { "\(device.name) \($0)" } })
  }
}
