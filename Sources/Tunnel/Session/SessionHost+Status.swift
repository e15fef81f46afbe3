internal import HawserPrimitives
internal import HawserSession
internal import HawserTransport
internal import NIOCore

extension SessionHost {
  /// What the session looks like now. O(streams).
  ///
  /// - Parameters:
  ///   - name: The provider's.
  ///   - owner: The user and the token; the server's view.
  ///   - services: Where the provider's services are bound.
  /// - Returns: For the administration socket.
  func status(
    name: String,
    owner: (user: String, token: String)? = nil,
    services: [BoundAddress]
  ) -> SessionStatus {
    let now = loop.instant
    let statistics = session.statistics
    return SessionStatus(
      id: id.short,
      state: isUsable ? .attached : isAttached ? .suspect : .grace,
      graceLeftSeconds: statistics.graceEnds.map { max(0, ($0 - now).inSeconds) },
      user: owner?.user,
      token: owner?.token,
      name: name,
      links: links.values.sorted { $0.epoch < $1.epoch }.map { status(of: $0, at: now) },
      streams: statistics.streams,
      services: services,
      retainedBytes: statistics.retainedBytes,
      unreadBytes: statistics.unreadBytes,
      bytesIn: statistics.bytesReceived,
      bytesOut: statistics.bytesSent,
      attachments: epoch
    )
  }

  private func status(of attached: AttachedLink, at now: Instant) -> LinkStatus {
    let link = attached.link
    let statistics = link.statistics
    return LinkStatus(
      transport: link.transport.rawValue,
      address: link.peerAddress,
      isSending: session.sendingLink == link.id,
      isSuspect: attached.health == .suspect,
      roundTripMilliseconds: statistics.smoothedRoundTrip.map { $0.inSeconds * 1000 },
      ageSeconds: (now - statistics.since).inSeconds,
      bytesIn: statistics.bytesIn,
      bytesOut: statistics.bytesOut,
      recordsUnreported: statistics.recordsUnreported
    )
  }
}

extension Duration {
  /// As a number of seconds, for status and metrics.
  var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}

extension RandomID {
  /// Eight digits: enough to tell the sessions of one server apart in logs.
  var short: String { String(description.prefix(8)) }
}
