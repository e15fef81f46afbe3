internal import HawserPrimitives
internal import HawserRouting
internal import HawserSession
internal import HawserTransport
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The connection from a provider to a target, for one stream. Confined to the loop.
///
///     asked ──dial──▶ connected: OPENED, bytes flow ──▶ gone
///               └───▶ refused: RESET before OPENED, retryable; the log says which target and why
final class TargetConnection: StreamEndpointOwner {
  private let host: SessionHost
  private let stream: StreamID
  private let target: TargetAddress
  private let clientAddress: String?
  private let gone: (TargetConnection) -> Void
  private(set) lazy var endpoint = StreamEndpoint(owner: self, keepsFirstBytes: false)

  /// - Parameters:
  ///   - host: The session that the stream belongs to.
  ///   - stream: Asked for by the server, not answered yet.
  ///   - target: Where the service is.
  ///   - clientAddress: For the log.
  ///   - gone: Called when the socket is closed, or was not to be had.
  init(
    host: SessionHost,
    stream: StreamID,
    target: TargetAddress,
    clientAddress: String?,
    gone: @escaping (TargetConnection) -> Void
  ) {
    self.host = host
    self.stream = stream
    self.target = target
    self.clientAddress = clientAddress
    self.gone = gone
  }

  /// Dials the target. What the client sends meanwhile stays in the session.
  func dial(timeout: Duration) {
    endpoint.join(host, stream)
    let bootstrap = ClientBootstrap(group: host.loop)
      .relayOptions()
      .connectTimeout(TimeAmount(timeout))
    connect(bootstrap).assumeIsolated().whenComplete { result in
      switch result {
      case .success(let channel): self.connected(channel)
      case .failure(let error): self.failed(error)
      }
    }
  }

  /// Resets the connection, or gives up dialling.
  func giveUp() {
    endpoint.reset()
    gone(self)
  }

  private func connect(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
    switch target {
    case .unix(let path):
      return bootstrap.connect(unixDomainSocketPath: path)
    case .tcp(let host, let port):
      // An address needs no resolver, whose thread costs more than the connection on loopback.
      if let address = try? SocketAddress(ipAddress: host.text, port: Int(port)) {
        return bootstrap.connect(to: address)
      }
      return bootstrap.connect(host: host.text, port: Int(port))
    }
  }

  private func connected(_ channel: any Channel) {
    channel.applyRelaySocketOptions()
    do {
      try channel.pipeline.syncOperations.addHandler(endpoint)
    } catch {
      channel.close(promise: nil)
      failed(error)
    }
  }

  private func failed(_ error: any Error) {
    host.logger.warning(
      "target not reached",
      metadata: [
        "target": "\(target)", "reason": "\(error.inWords)",
        "client": "\(clientAddress ?? "unknown")",
      ]
    )
    host.abort(stream, Self.code(of: error), retryable: true)
    host.settleSoon()
    gone(self)
  }

  private static func code(of error: any Error) -> StreamErrorCode {
    switch error {
    case ChannelError.connectTimeout: .timeout
    default: .targetUnreachable
    }
  }

  // MARK: - What the endpoint says

  func endpointConnected(_ endpoint: StreamEndpoint) {
    host.acceptOpen(stream)
  }

  func endpointOpened(_ endpoint: StreamEndpoint) {}

  func endpoint(_ endpoint: StreamEndpoint, refused code: StreamErrorCode, retryable: Bool) {
    endpoint.reset()
  }

  func endpointClosed(_ endpoint: StreamEndpoint) {
    gone(self)
  }
}
