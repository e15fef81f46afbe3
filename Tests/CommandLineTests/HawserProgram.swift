import Foundation
import Testing

/// The program that was built together with these tests.
struct HawserProgram {
  /// How a run ended.
  struct Ended {
    var status: Int32
    var output: String
    var complaints: String
  }

  private static let url: URL = {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appending(path: "hawser")
  }()

  /// Runs it to its end, with nothing of the caller's environment that it would read.
  static func run(
    _ arguments: [String],
    environment: [String: String] = [:]
  ) async throws -> Ended {
    let process = Process()
    let output = Pipe()
    let complaints = Pipe()
    process.executableURL = url
    process.arguments = arguments
    process.environment = environment.merging(["HOME": "/nonexistent"]) { given, _ in given }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = complaints
    return try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { process in
        continuation.resume(
          returning: Ended(
            status: process.terminationStatus,
            output: text(of: output),
            complaints: text(of: complaints)
          )
        )
      }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
  }

  private static func text(of pipe: Pipe) -> String {
    String(decoding: (try? pipe.fileHandleForReading.readToEnd()) ?? Data(), as: UTF8.self)
  }
}

/// A folder that is gone with the last reference to it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = "/tmp/hawser-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(
      atPath: path,
      withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700]
    )
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func file(_ name: String, _ text: String) throws -> String {
    try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
    return "\(path)/\(name)"
  }
}
