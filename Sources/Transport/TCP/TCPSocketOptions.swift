import HawserPrimitives
import NIOCore

#if canImport(Glibc)
internal import Glibc
#endif

/// The options of a link's socket.
enum TCPSocketOptions {
  /// Sets them. An option that the kernel doesn't have is left out: none is needed for correctness.
  static func apply(to channel: any Channel) {
    set(.tcp, .tcp_nodelay, 1, on: channel)
    set(.socket, .so_keepalive, 1, on: channel)
    #if os(Linux)
    set(.tcp, .init(rawValue: TCP_NOTSENT_LOWAT), TransportLimits.unsentBytes, on: channel)
    let milliseconds = TransportLimits.unacknowledgedTime.wholeNanoseconds / 1_000_000
    set(.tcp, .init(rawValue: TCP_USER_TIMEOUT), CInt(clamping: milliseconds), on: channel)
    // Without BBR in the kernel, or not permitted to this user, the default stays.
    let bbr: (UInt8, UInt8, UInt8) = (0x62, 0x62, 0x72)
    set(.tcp, .init(rawValue: TCP_CONGESTION), bbr, on: channel)
    #endif
  }

  /// Tells the kernel how much it may hold unsent.
  static func set(unsentLimit: UnsentLimit, on channel: any Channel) {
    #if os(Linux)
    let bytes = CInt(clamping: unsentLimit.bytes)
    set(.tcp, .init(rawValue: TCP_NOTSENT_LOWAT), bytes, on: channel)
    #endif
  }

  /// Asks the kernel for its congestion window and round trip, and adapts the limit to them.
  static func adapt(_ unsentLimit: UnsentLimit, on channel: any Channel) -> UnsentLimit {
    var limit = unsentLimit
    #if os(Linux)
    guard let provider = channel as? any SocketOptionProvider else { return limit }
    // On the loop the answer is there when the call returns.
    provider.getTCPInfo().assumeIsolated().whenSuccess { info in
      let window = Int(info.tcpi_snd_cwnd) * Int(info.tcpi_snd_mss)
      let roundTrip = Duration.microseconds(Int64(info.tcpi_rtt))
      guard limit.adapt(window: window, roundTrip: roundTrip) else { return }
      set(unsentLimit: limit, on: channel)
    }
    #endif
    return limit
  }

  private static func set<Value: Sendable>(
    _ level: NIOBSDSocket.OptionLevel,
    _ option: NIOBSDSocket.Option,
    _ value: Value,
    on channel: any Channel
  ) {
    guard let provider = channel as? any SocketOptionProvider else { return }
    _ = provider.unsafeSetSocketOption(level: level, name: option, value: value)
  }
}
