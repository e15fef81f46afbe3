import ChildProcess
import Foundation

/// What Package.swift says, as the package manager understands it.
struct PackageManifest: Decodable {
  /// One target.
  struct Target: Decodable {
    let name: String
    let path: String?
    let type: String
    let dependencies: [Dependency]
    let settings: [Setting]

    /// Relative to the top folder.
    var folder: String { path ?? (type == "test" ? "Tests/\(name)" : "Sources/\(name)") }

    /// Whether the compiler takes warnings for errors here.
    var warningsAreErrors: Bool {
      settings.contains { $0.kind.treatAllWarnings?.level == "error" }
    }

    /// The targets of this package that it depends on.
    var ours: Set<String> { Set(dependencies.compactMap(\.byName?.first).compactMap { $0 }) }
  }

  /// A dependency on a target of the package, or on a product from elsewhere, which is not read.
  struct Dependency: Decodable {
    let byName: [String?]?
  }

  /// A build setting, of which only one kind is of interest here.
  struct Setting: Decodable {
    struct Kind: Decodable {
      let treatAllWarnings: Level?
    }
    struct Level: Decodable {
      let level: String

      enum CodingKeys: String, CodingKey { case level = "_0" }
    }
    let kind: Kind
  }

  let targets: [Target]

  /// Asks the package manager.
  static func read(from repository: Repository) throws -> PackageManifest {
    let finished = try run(
      "swift",
      ["package", "--package-path", repository.path, "--scratch-path", "scratch", "dump-package"]
    )
    guard finished.status == 0 else {
      throw TidyFailure("swift package dump-package failed: \(finished.errors)")
    }
    let data = Data(finished.output.utf8)
    return try JSONDecoder().decode(PackageManifest.self, from: data)
  }
}

/// Runs a program to its end, in an empty folder of its own.
func run(
  _ program: String,
  _ arguments: [String]
) throws -> (status: Int32?, output: String, errors: String) {
  let folder = FileManager.default.temporaryDirectory.appending(path: "tidy-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let (output, errors) = (folder.appending(path: "output"), folder.appending(path: "errors"))
  let process = try ChildProcess(
    program,
    arguments,
    environment: ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("HAWSER_") },
    folder: folder.path(percentEncoded: false),
    output: output.path(percentEncoded: false),
    errors: errors.path(percentEncoded: false)
  )
  defer { process.kill() }
  let status = process.wait(within: .seconds(60))
  return (
    status, try String(contentsOf: output, encoding: .utf8),
    try String(contentsOf: errors, encoding: .utf8)
  )
}
