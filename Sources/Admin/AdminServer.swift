internal import Foundation
internal import Hummingbird
package import Logging
internal import ServiceLifecycle

/// The administration API: HTTP on a Unix socket that only its owner can use.
///
/// | request | answer |
/// | --- | --- |
/// | `GET /v1/status` | ``AdminStatus`` |
/// | `GET /metrics` | Prometheus' text format |
/// | `POST /v1/tokens/{id}/revoke` | ``TokenRevocation``, or 404 |
///
/// Everything that is refused answers an ``AdminProblem``.
package struct AdminServer<Backend: AdminBackend>: Sendable {
  private let backend: Backend
  private let logger: Logger

  /// - Parameters:
  ///   - backend: What is administered.
  ///   - logger: Gets what goes wrong, and nothing per request.
  package init(backend: Backend, logger: Logger) {
    self.backend = backend
    self.logger = logger
  }

  /// Serves at `path` until the task is cancelled; the socket is gone when this returns.
  ///
  /// - Parameters:
  ///   - path: The socket's path, in a folder that only its owner can write to. Where others can
  ///     enter that folder, the process's umask must be 077, so that they can't connect between
  ///     the bind and the change of the socket's own mode.
  ///   - whenReady: Called once, when requests are answered and only the owner can make them.
  /// - Throws: ``AdminError`` when the place is taken or unfit, and what the system says otherwise.
  package func run(
    at path: String,
    whenReady: @escaping @Sendable () async -> Void = {}
  ) async throws {
    let socket = try AdminSocket(claiming: path)
    let (bound, boundContinuation) = AsyncStream.makeStream(of: Void.self)
    let application = Application(
      router: router(),
      server: .http1(configuration: .init(idleTimeout: .seconds(idleSeconds))),
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: path),
        serverName: "hawser"
      ),
      onServerRunning: { _ in boundContinuation.yield() },
      logger: frameworkLogger
    )
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { boundContinuation.finish() }
        try await runUntilCancelled(application)
      }
      for await _ in bound {
        try AdminSocket.restrict(path)
        await whenReady()
        break
      }
      try await group.waitForAll()
    }
    _ = consume socket
  }

  /// Turns cancellation into the graceful stop that the framework expects.
  private func runUntilCancelled(_ application: some ApplicationProtocol) async throws {
    var configuration = ServiceGroupConfiguration(services: [application], logger: frameworkLogger)
    configuration.maximumGracefulShutdownDuration = .seconds(stopSeconds)
    let services = ServiceGroup(configuration: configuration)
    let run = Task { try await services.run() }
    try await withTaskCancellationHandler {
      try await run.value
    } onCancel: {
      Task { await services.triggerGracefulShutdown() }
    }
  }

  /// Start and stop are our own lines, and requests are not worth one.
  private var frameworkLogger: Logger {
    var logger = logger
    logger.logLevel = max(logger.logLevel, .warning)
    return logger
  }

  private func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.add(middleware: ProblemResponses(logger: logger))
    router.get("/v1/status") { _, _ in
      try jsonResponse(.ok, await backend.status())
    }
    router.get("/metrics") { _, _ in
      Response(
        status: .ok,
        headers: [.contentType: PrometheusText.contentType],
        body: ResponseBody(byteBuffer: ByteBuffer(string: await backend.status().prometheusText))
      )
    }
    router.post("/v1/tokens/:id/revoke") { _, context in
      let id = try context.parameters.require("id")
      guard let sessionsEnded = try await backend.revokeToken(id) else {
        throw HTTPError(.notFound, message: "there is no token with the id \(id)")
      }
      return try jsonResponse(.ok, TokenRevocation(id: id, sessionsEnded: sessionsEnded))
    }
    return router
  }
}

/// How long a connection may be idle: chosen, a client of ours asks once and leaves.
private let idleSeconds: Int64 = 30

/// How long requests under way may take when the server stops: chosen, answers take milliseconds.
private let stopSeconds: Int64 = 1

/// Turns everything thrown into an ``AdminProblem``.
private struct ProblemResponses<Context: RequestContext>: RouterMiddleware {
  let logger: Logger

  func handle(
    _ request: Request,
    context: Context,
    next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as HTTPError {
      let name = error.status.reasonPhrase.lowercased().replacing(" ", with: "_")
      let message = error.body ?? "nothing is here: \(request.method) \(request.uri.path)"
      return try jsonResponse(error.status, AdminProblem(error: name, message: message))
    } catch {
      logger.error("administration request failed", metadata: ["error": "\(error)"])
      let problem = AdminProblem(error: "internal", message: "\(error)")
      return try jsonResponse(.internalServerError, problem)
    }
  }
}

private func jsonResponse(_ status: HTTPResponse.Status, _ value: some Encodable) throws -> Response
{
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return Response(
    status: status,
    headers: [.contentType: "application/json"],
    body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value)))
  )
}
