/// What an OPEN frame asks for: a target and what the acceptor should know of the client.
package struct OpenRequest: Sendable, Hashable {
  package var target: OpenTarget
  package var metadata: [OpenMetadata]

  /// - Parameters:
  ///   - target: What the peer is to connect the stream to.
  ///   - metadata: In the order in which it is sent. The whole frame is limited to
  ///     ``ProtocolLimits/maximumOpenSize`` bytes.
  package init(target: OpenTarget, metadata: [OpenMetadata] = []) {
    self.target = target
    self.metadata = metadata
  }

  /// The client's address as text, if the request carries it.
  package var clientAddress: String? {
    metadata.first { $0.key == OpenMetadata.clientAddressKey }
      .map { String(decoding: $0.value, as: UTF8.self) }
  }
}

/// What a stream is to be connected to.
package enum OpenTarget: Sendable, Hashable {
  /// A service that the peer registered, by the id it was given.
  case service(UInt64)
  /// `host:port` or `unix:/path`, for forwards.
  case address(String)
}

/// One item that travels with an OPEN; unknown keys are ignored.
package struct OpenMetadata: Sendable, Hashable {
  /// 62 bits.
  package var key: UInt64
  package var value: [UInt8]

  package init(key: UInt64, value: [UInt8]) {
    self.key = key
    self.value = value
  }

  static let clientAddressKey: UInt64 = 1

  /// The address of the client on the public side, `host:port`.
  package static func clientAddress(_ address: String) -> OpenMetadata {
    OpenMetadata(key: clientAddressKey, value: Array(address.utf8))
  }
}
