internal import HawserCryptography
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// An INIT that was answered.
final class HalfOpenHandshake {
  /// The answer, which a repetition of the INIT gets again, byte for byte.
  let response: ByteBuffer
  /// What the channel is made from; `nil` after a refusal, and once it is made.
  private(set) var foundation: SecureChannel.Foundation?
  /// Where the INIT came from first.
  let address: PathAddress
  /// Whether the answer was sent to other addresses, too, so that it proves none of them.
  private(set) var hasSeveralAddresses = false
  let expires: Instant
  /// When it was answered, if only once: from then until the client uses the channel is a round
  /// trip.
  private(set) var answered: Instant?

  init(
    response: ByteBuffer,
    foundation: SecureChannel.Foundation?,
    address: PathAddress,
    at now: Instant
  ) {
    self.response = response
    self.foundation = foundation
    self.address = address
    expires = now + DatagramLimits.halfOpenLifetime
    answered = now
  }

  /// Forgets the keys.
  func complete() {
    foundation = nil
  }

  func noteRepetition(from address: PathAddress) {
    answered = nil
    if address != self.address { hasSeveralAddresses = true }
  }
}

/// The INITs that were answered in the last ``DatagramLimits/halfOpenLifetime``; bounded as a whole
/// and for each host.
struct HalfOpenTable {
  private var byMac1: [AuthenticationCode: HalfOpenHandshake] = [:]
  private var byConnection: [ConnectionID: HalfOpenHandshake] = [:]
  private var byHost: [PathAddress: Int] = [:]
  /// All entries, the oldest first, from ``oldest`` on.
  private var order: [AuthenticationCode] = []
  private var oldest = 0
  private let limit: Int
  private let hostLimit: Int

  init(limit: Int, hostLimit: Int) {
    self.limit = limit
    self.hostLimit = hostLimit
  }

  var count: Int { byMac1.count }

  /// When the oldest entry expires.
  var nextDeadline: Instant? {
    oldest < order.count ? byMac1[order[oldest]]?.expires : nil
  }

  /// The entry of an INIT that was seen before.
  subscript(_ mac1: AuthenticationCode) -> HalfOpenHandshake? { byMac1[mac1] }

  /// The entry whose channel has not been opened yet.
  subscript(_ connection: ConnectionID) -> HalfOpenHandshake? { byConnection[connection] }

  /// Whether another handshake of this host finds room.
  func hasRoom(for address: PathAddress) -> Bool {
    count < limit && byHost[address.host, default: 0] < hostLimit
  }

  mutating func insert(_ handshake: HalfOpenHandshake, mac1: AuthenticationCode) {
    byMac1[mac1] = handshake
    if let id = handshake.foundation?.localID { byConnection[id] = handshake }
    byHost[handshake.address.host, default: 0] += 1
    order.append(mac1)
  }

  /// The channel is open. The answer is remembered all the same.
  mutating func complete(_ connection: ConnectionID) {
    byConnection[connection]?.complete()
    byConnection[connection] = nil
  }

  mutating func expire(at now: Instant) {
    while oldest < order.count, let entry = byMac1[order[oldest]], entry.expires <= now {
      byMac1[order[oldest]] = nil
      if let id = entry.foundation?.localID { byConnection[id] = nil }
      let host = entry.address.host
      byHost[host] = byHost[host].flatMap { $0 > 1 ? $0 - 1 : nil }
      oldest += 1
    }
    // Moved together now and then, so that each entry is moved once on the average.
    if oldest > 64, oldest * 2 > order.count {
      order.removeFirst(oldest)
      oldest = 0
    }
  }
}
