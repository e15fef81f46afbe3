internal import ArgumentParser
internal import HawserCredentials
internal import HawserPrimitives
internal import HawserStorage

/// `hawser token list`.
struct TokenListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the tokens, without their secrets."
  )

  @OptionGroup var stateFlag: StateFlag

  func run() async throws {
    let store = try StateDirectory(existingAt: stateFlag.path()).openCredentialStore()
    let now = WallClockTime.now
    let rows = try await store.list().map { record in
      [
        record.id.text, record.user.text,
        record.scopes.sorted().map(\.rawValue).joined(separator: ","),
        record.ports.isEmpty
          ? "1024-65535" : record.ports.map(\.description).joined(separator: ","),
        record.domains.isEmpty ? "-" : record.domains.map(\.name).joined(separator: ","),
        "\(record.createdAt)", record.expiresAt.map { "\($0)" } ?? "never",
        Self.state(of: record, at: now),
      ]
    }
    let titles = ["ID", "USER", "SCOPES", "PORTS", "DOMAINS", "CREATED", "EXPIRES", "STATE"]
    for line in TextTable.lines(titles, rows) { Terminal.print(line) }
  }

  private static func state(of record: TokenRecord, at now: WallClockTime) -> String {
    if let time = record.revokedAt { return "revoked \(time)" }
    return record.isExpired(at: now) ? "expired" : "valid"
  }
}
