internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import NIOHTTPTypesHTTP1
internal import NIOPosix

/// Asks a running server through its administration socket.
///
/// A small client of our own on NIO: one request per connection needs no pool, and the full HTTP
/// client would bring a second TLS library into the build.
package struct AdminClient: Sendable {
  /// The largest answer that is read, in bytes: chosen, a status of tens of thousands of sessions.
  private static let maximumAnswer = 64 << 20
  /// How long an answer may take: chosen, the server answers from memory.
  private static let timeLimit: TimeAmount = .seconds(10)

  private let path: String

  /// - Parameter path: The socket's path.
  package init(path: String) {
    self.path = path
  }

  /// The server's state.
  package func status() async throws(AdminError) -> AdminStatus {
    try await decoded(request(.get, "/v1/status"))
  }

  /// The server's state as the server wrote it: JSON.
  package func statusDocument() async throws(AdminError) -> String {
    String(buffer: try await request(.get, "/v1/status"))
  }

  /// Revokes a token and ends its sessions.
  ///
  /// - Parameter id: The token's id: letters and digits.
  /// - Returns: What the server did.
  /// - Throws: ``AdminError/refused(status:problem:)`` with status 404 when there is none.
  package func revokeToken(_ id: String) async throws(AdminError) -> TokenRevocation {
    let escaped = id.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    return try await decoded(request(.post, "/v1/tokens/\(escaped)/revoke"))
  }

  private func decoded<Value: Decodable>(_ body: ByteBuffer) throws(AdminError) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: Data(body.readableBytesView))
    } catch {
      throw .unexpectedAnswer(status: 200)
    }
  }

  /// - Returns: The body of a successful answer.
  private func request(
    _ method: HTTPRequest.Method,
    _ target: String
  ) async throws(AdminError) -> ByteBuffer {
    let channel = try await connect()
    let answer: Answer?
    do {
      answer = try await exchange(
        HTTPRequest(method: method, scheme: "http", authority: "hawser", path: target),
        on: channel
      )
    } catch {
      throw .noAnswer(path: path)
    }
    guard let answer else { throw .noAnswer(path: path) }
    guard answer.status.kind != .successful else { return answer.body }
    let body = Data(answer.body.readableBytesView)
    guard let problem = try? JSONDecoder().decode(AdminProblem.self, from: body) else {
      throw .unexpectedAnswer(status: answer.status.code)
    }
    throw .refused(status: answer.status.code, problem: problem)
  }

  private typealias Connection = NIOAsyncChannel<HTTPResponsePart, HTTPRequestPart>

  private struct Answer {
    var status: HTTPResponse.Status
    var body = ByteBuffer()
  }

  private func connect() async throws(AdminError) -> Connection {
    do {
      return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(unixDomainSocketPath: path) { channel in
          channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHTTPClientHandlers()
            try pipeline.addHandler(HTTP1ToHTTPClientCodec())
            return try Connection(wrappingChannelSynchronously: channel)
          }
        }
    } catch let error as IOError where [ENOENT, ECONNREFUSED].contains(error.errnoCode) {
      throw .notRunning(path: path)
    } catch let error as IOError {
      throw .system(operation: "connect", path: path, code: error.errnoCode)
    } catch {
      throw .notRunning(path: path)
    }
  }

  /// - Returns: `nil` when the connection ended before the answer did.
  private func exchange(_ request: HTTPRequest, on connection: Connection) async throws -> Answer? {
    let channel = connection.channel
    let timer = channel.eventLoop.scheduleTask(in: Self.timeLimit) {
      channel.close(promise: nil)
    }
    defer { timer.cancel() }
    return try await connection.executeThenClose { inbound, outbound in
      try await outbound.write(contentsOf: [.head(request), .end(nil)])
      var answer: Answer?
      for try await part in inbound {
        switch part {
        case .head(let head): answer = Answer(status: head.status)
        case .body(var bytes):
          answer?.body.writeBuffer(&bytes)
          if answer?.body.readableBytes ?? 0 > Self.maximumAnswer { return nil }
        case .end: return answer
        }
      }
      return nil
    }
  }
}
