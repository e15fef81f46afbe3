/// Counts the accepted connections that are not yet established, in total and by network, so that
/// strangers can't take all of the server's memory and time.
struct HandshakeSlots {
  private let total: Int
  private let perNetwork: Int
  private var taken = 0
  private var takenByNetwork: [PeerNetwork: Int] = [:]

  /// - Parameters:
  ///   - total: Slots in all.
  ///   - perNetwork: Slots for one IPv4 address or one IPv6 network of 64 bits.
  init(total: Int, perNetwork: Int) {
    self.total = total
    self.perNetwork = perNetwork
  }

  /// Takes a slot.
  ///
  /// - Returns: Whether there was one.
  mutating func take(for network: PeerNetwork) -> Bool {
    guard taken < total, takenByNetwork[network, default: 0] < perNetwork else { return false }
    taken += 1
    takenByNetwork[network, default: 0] += 1
    return true
  }

  /// Returns a slot that was taken for `network`.
  mutating func release(for network: PeerNetwork) {
    guard let count = takenByNetwork[network] else { return }
    taken -= 1
    takenByNetwork[network] = count > 1 ? count - 1 : nil
  }
}
