internal import HawserPrimitives
internal import HawserSession
internal import NIOCore

/// One client of an entry, from its acceptance until its socket is gone. Confined to the loop.
///
///     accepted ──▶ asking a backend ──▶ open ──▶ gone
///                    │      ▲ refused: another backend, each at most once
///                    ▼      │
///                   parked ─┘ a provider is back
final class Client: StreamEndpointOwner {
  /// The client's address and port, as text.
  let address: String
  /// Whose limit it counts against: the user who owned the entry when it was accepted.
  let user: String?
  /// Sessions that were asked and refused.
  private(set) var tried: Set<RandomID> = []
  /// When it has waited for too long, from the first time on that it had to wait.
  var patienceEnds: Instant?
  /// Its place while it waits for a provider.
  var ticket: ParkingLot<Client>.Ticket?

  /// Until the socket is gone; the client counts against the entry's limits until then.
  private var entry: Entry?
  private(set) lazy var endpoint = StreamEndpoint(owner: self, keepsFirstBytes: true)
  private var backend: RandomID?

  init(address: String, user: String?, entry: Entry) {
    self.address = address
    self.user = user
    self.entry = entry
  }

  /// Asks `backend` for a stream; OPEN and the client's first bytes go out together.
  func ask(_ backend: Backend) throws(OpenRefusal) {
    let request = OpenRequest(
      target: .service(backend.service),
      metadata: [.clientAddress(address)]
    )
    let host = backend.session.host
    let stream = try host.open(request)
    self.backend = host.id
    endpoint.join(host, stream)
  }

  /// Ends the client's connection: nobody can serve it.
  func turnAway() {
    endpoint.reset()
  }

  func endpointConnected(_ endpoint: StreamEndpoint) {
    entry?.place(self)
  }

  func endpointOpened(_ endpoint: StreamEndpoint) {}

  func endpoint(_ endpoint: StreamEndpoint, refused code: StreamErrorCode, retryable: Bool) {
    guard let entry else { return turnAway() }
    if let backend { tried.insert(backend) }
    entry.refused(self, code: code, retryable: retryable)
  }

  func endpointClosed(_ endpoint: StreamEndpoint) {
    entry?.left(self)
    entry = nil
  }
}
