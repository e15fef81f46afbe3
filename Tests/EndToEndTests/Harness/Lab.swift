import Foundation
import Testing

/// A transport that the suites run over; each case is run once for every one of them.
enum TransportUnderTest: String, CaseIterable, CustomTestStringConvertible {
  case tcp

  var testDescription: String { rawValue }
}

/// Everything that one test starts: processes, sockets, files. Ended with the test, come what may.
///
/// A test's body runs on a thread of its own and may block there: real processes and real sockets
/// are waited for, and the threads of the test runner stay free meanwhile.
final class Lab {
  let transport: TransportUnderTest
  /// A folder for whatever the test writes.
  let directory: URL
  private var processes: [HawserProcess] = []
  private var closers: [() -> Void] = []
  private var names: [String: Int] = [:]

  fileprivate init(transport: TransportUnderTest) throws {
    self.transport = transport
    // The state folder holds a Unix socket, whose path may not be long.
    let name = "hawser-e2e-\(UInt32.random(in: 0 ... .max))"
    directory = FileManager.default.temporaryDirectory.appending(path: name)
    try FileManager.default.createDirectory(
      at: directory,
      withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700]
    )
  }

  /// A path in the folder that nothing has yet; `a.json` gives `a.json`, then `a-2.json`.
  func path(_ name: String) -> URL {
    let count = (names[name] ?? 0) + 1
    names[name] = count
    guard count > 1 else { return directory.appending(path: name) }
    let dot = name.lastIndex(of: ".") ?? name.endIndex
    return directory.appending(path: "\(name[..<dot])-\(count)\(name[dot...])")
  }

  /// Starts `hawser`, `under` another program if given: one that changes what it sees, and becomes
  /// it.
  func start(
    _ arguments: [String],
    name: String,
    environment: [String: String] = [:],
    readyFile: URL? = nil,
    under launcher: [String] = []
  ) throws -> HawserProcess {
    let process = try HawserProcess(
      arguments,
      name: name,
      log: path("\(name).log"),
      output: path("\(name).out"),
      environment: environment,
      readyFile: readyFile,
      under: launcher,
      folder: directory
    )
    processes.append(process)
    return process
  }

  /// Runs `hawser` to its end.
  func run(
    _ arguments: [String],
    environment: [String: String] = [:],
    within limit: Duration = .seconds(30)
  ) throws -> Finished {
    let process = try start(arguments, name: "hawser", environment: environment)
    let status = try process.exitStatus(within: limit)
    return Finished(status: status, output: process.outputText, errors: process.logText)
  }

  /// Has something done when the test is over, the latest first.
  func atEnd(_ close: @escaping () -> Void) {
    closers.append(close)
  }

  fileprivate func end() {
    for process in processes.reversed() { process.kill() }
    for close in closers.reversed() { close() }
    try? FileManager.default.removeItem(at: directory)
  }

  fileprivate var logs: String {
    processes.filter { !$0.logText.isEmpty }.map { process in
      let lines = process.logText.split(separator: "\n").suffix(40).joined(separator: "\n")
      return "── \(process.name) (\(process.arguments.joined(separator: " ")))\n\(lines)"
    }.joined(separator: "\n")
  }
}

/// What a command that has ended left behind.
struct Finished {
  let status: Int32
  let output: String
  let errors: String
}

/// What a lab costs the others.
enum LabLoad {
  /// It keeps the machine busy.
  case work
  /// It lets time pass: any number of these run beside the others, so that a long wait costs the
  /// suite nothing but itself.
  case patience
}

/// Runs a test with a lab of its own; the logs of its processes go into the report of a failure.
func withLab(
  _ transport: TransportUnderTest = .tcp,
  load: LabLoad = .work,
  _ body: @Sendable (Lab) throws -> Void
) async throws {
  try await withTaskExecutorPreference(OwnThread()) {
    try await runLab(transport, load, body)
  }
}

@concurrent
private func runLab(
  _ transport: TransportUnderTest,
  _ load: LabLoad,
  _ body: (Lab) throws -> Void
) async throws {
  try runLabBlocking(transport, load, body)
}

private func runLabBlocking(
  _ transport: TransportUnderTest,
  _ load: LabLoad,
  _ body: (Lab) throws -> Void
) throws {
  if load == .work { labSlots.wait() }
  defer { if load == .work { labSlots.signal() } }
  let lab = try Lab(transport: transport)
  defer { lab.end() }
  do {
    try body(lab)
  } catch {
    Issue.record("the logs of the processes:\n\(lab.logs)")
    throw error
  }
}

/// Labs at a time. They wait most of the time, but two cores show times that mean nothing when
/// twenty start together (chosen).
private let labSlots = DispatchSemaphore(value: 5)
