internal import Foundation
internal import HawserConfiguration
internal import HawserCredentials
internal import HawserPrimitives
internal import HawserTunnel
internal import Logging
internal import NIOPosix

/// A provider from its start to its end.
struct ProviderRole: Sendable {
  let readyFile: ReadyFile?
  private let options: ProviderOptions
  private let logger = Logger(label: "hawser.provider")

  init(_ options: ProviderOptions) {
    self.options = options
    readyFile = options.readyFile.map(ReadyFile.init)
  }

  /// Provides until the first of `signals`, or until the server refuses for good.
  ///
  /// - Throws: The refusal, or what is wrong with the join URL's file.
  func run(until signals: StopSignals) async throws {
    let join = try joinURL()
    let provider = Provider(
      configuration: try configuration(join: join),
      loop: MultiThreadedEventLoopGroup.singleton.next(),
      logger: logger
    )
    let stopper = Task {
      await signals.wait()
      await signals.stop(provider.stop, hurry: provider.hurry)
    }
    defer {
      stopper.cancel()
      readyFile?.remove()
    }
    do {
      let services = try await provider.start()
      try readyFile?.write(Self.readiness(services, join: join))
      present(services, join: join)
      try await provider.run()
    } catch TunnelError.stopping {
      // Asked to stop before the services were registered.
    }
    logger.info("stopped")
  }

  private func joinURL() throws -> JoinURL {
    switch options.join {
    case .url(let url): return url
    case .file(let path): return try JoinFile(path: path).joinURL()
    case nil: throw CommandFailure(.configuration, "the server is not named")
    }
  }

  private func configuration(join: JoinURL) throws -> ProviderConfiguration {
    let name = options.name ?? PublicHost.ofThisMachine
    let client = ProviderConfiguration.clientID(
      machine: Self.machineID,
      name: name,
      services: options.services
    )
    guard let client else {
      throw CommandFailure(.internalError, "no client id can be made for the name \(name)")
    }
    var configuration = ProviderConfiguration(
      join: join,
      services: options.services,
      name: name,
      client: client
    )
    configuration.grace = options.grace
    return configuration
  }

  /// What tells this machine from others, also after a restart (machine-id(5)).
  private static var machineID: String {
    let text = try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)
    let id = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    return id.isEmpty ? PublicHost.ofThisMachine : id
  }

  private static func readiness(
    _ services: [RegisteredService],
    join: JoinURL
  ) -> ReadyFile.Contents {
    ReadyFile.Contents(
      role: "provider",
      join: nil,
      control: .init(address: join.host.text, port: Int(join.port)),
      entries: services.map { .init(mode: $0.mode, address: $0.address, port: Int($0.port)) },
      pid: getpid()
    )
  }

  /// Prints what a person wants to know.
  private func present(_ services: [RegisteredService], join: JoinURL) {
    let server = "\(join.host):\(join.port)"
    Terminal.print(
      "hawser \(Hawser.version): joined \(server), transport \(options.transport.rawValue)"
    )
    for service in services {
      let address = "\(join.host):\(service.port)"
      Terminal.print("  clients of \(address) reach \(service.target)")
    }
  }
}
