import ChildProcess
import Foundation
import Testing

/// A running `hawser`.
final class HawserProcess {
  let name: String
  let arguments: [String]
  private let process: ChildProcess
  private let log: URL
  private let output: URL
  private let readyFile: URL?

  /// The program that was built together with these tests, unless `HAWSER_BINARY` names another.
  static let program: URL = {
    if let named = ProcessInfo.processInfo.environment["HAWSER_BINARY"] {
      return URL(filePath: named)
    }
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appending(path: "hawser")
  }()

  init(
    _ arguments: [String],
    name: String,
    log: URL,
    output: URL,
    environment: [String: String],
    readyFile: URL?,
    under launcher: [String] = [],
    folder: URL
  ) throws {
    self.name = name
    self.arguments = arguments
    self.log = log
    self.output = output
    self.readyFile = readyFile
    // What the one who runs the tests has set must not reach the processes under test.
    var merged = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("HAWSER_") }
    merged["HOME"] = folder.path(percentEncoded: false)
    merged.merge(environment) { $1 }
    let command = launcher + [Self.program.path(percentEncoded: false)] + arguments
    process = try ChildProcess(
      command[0],
      Array(command.dropFirst()),
      environment: merged,
      folder: folder.path(percentEncoded: false),
      output: output.path(percentEncoded: false),
      errors: log.path(percentEncoded: false)
    )
  }

  /// What it wrote to stderr so far.
  var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  /// What it wrote to stdout so far.
  var outputText: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

  /// Whether it has not ended yet.
  var isRunning: Bool { process.isRunning }

  /// Whether its ready file is there.
  var hasReadyFile: Bool {
    readyFile.map { FileManager.default.fileExists(atPath: $0.path(percentEncoded: false)) }
      ?? false
  }

  /// Blocks until the ready file is there, and reads it.
  func ready(within limit: Duration = .seconds(30)) throws -> Ready {
    let file = try #require(readyFile, "\(name) was started without a ready file")
    try wait(for: "\(name) being ready", within: limit) {
      try #require(isRunning, "\(name) ended before it was ready")
      return hasReadyFile
    }
    return try JSONDecoder().decode(Ready.self, from: Data(contentsOf: file))
  }

  /// Blocks until it has ended; minus the signal where one killed it.
  func exitStatus(within limit: Duration = .seconds(30)) throws -> Int32 {
    guard let status = process.wait(within: limit) else {
      throw TookTooLong(description: "\(name) did not end within \(limit)")
    }
    return status
  }

  /// Sends a signal.
  func signal(_ signal: Int32) { process.signal(signal) }

  /// Kills it and waits until it is gone.
  func kill() { process.kill() }

  /// Its open descriptors.
  func descriptorCount() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.id)/fd")
      .count
  }

  /// The processor time that it has used, of all threads, to a hundredth of a second.
  func cpuTime() throws -> Duration {
    let text = try String(contentsOf: URL(filePath: "/proc/\(process.id)/stat"), encoding: .utf8)
    // The second field is a name in brackets, which may hold anything.
    let fields = try #require(text.split(separator: ")").last).split(separator: " ")
    let ticks = fields[11...12].compactMap { Int($0) }.reduce(0, +)
    return .milliseconds(ticks * 1000 / sysconf(Int32(_SC_CLK_TCK)))
  }

  /// The memory it holds, in bytes.
  func residentBytes() throws -> Int {
    let status = try String(
      contentsOf: URL(filePath: "/proc/\(process.id)/status"),
      encoding: .utf8
    )
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    let kibibytes = try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    return kibibytes * 1024
  }
}

/// What a process writes when it is ready.
struct Ready: Decodable {
  struct Address: Decodable {
    let address: String
    let port: Int
  }
  struct Entry: Decodable {
    let mode: String
    let address: String
    let port: Int
  }

  let role: String
  let join: String?
  let control: Address?
  let entries: [Entry]?
  let pid: Int32
}
