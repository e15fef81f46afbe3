import HawserKCP
import HawserPrimitives
import HawserSecureDatagram

/// What carries a link's records: KCP over sealed datagrams.
final class KCPConversation {
  let channel: SecureChannel
  var connection: KCPConnection

  /// - Parameters:
  ///   - channel: Just established.
  ///   - roundTrip: As the handshake measured it.
  ///   - now: The present.
  init(channel: SecureChannel, roundTrip: Duration?, at now: Instant) {
    self.channel = channel
    var seed: UInt64 = 0
    for byte in channel.binding.prefix(8) { seed = seed << 8 | UInt64(byte) }
    // Both ends have the binding, so they agree on the id without a word.
    var configuration = KCPConfiguration(conversationID: UInt32(truncatingIfNeeded: seed))
    configuration.seed = seed
    configuration.datagramSize = channel.maximumPayload
    configuration.datagramOverhead = TransportLimits.datagramOverhead
    configuration.peerWindow = KCPLimits.window
    configuration.initialRoundTrip = roundTrip
    configuration.acknowledgements =
      channel.agreement.extensions.contains(.acknowledgementRanges) ? .ranges : .segments
    configuration.deadAfter = TransportLimits.datagramDeadTime * 2
    connection = KCPConnection(configuration: configuration, at: now)
  }
}
