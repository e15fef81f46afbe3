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
    let scratch = FileManager.default.temporaryDirectory
      .appending(path: "tidy-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: scratch) }
    let swift = Process()
    swift.executableURL = URL(filePath: "/usr/bin/env")
    swift.arguments = [
      "swift", "package", "--package-path", repository.root.path(percentEncoded: false),
      "--scratch-path", scratch.path(percentEncoded: false), "dump-package",
    ]
    let output = Pipe()
    swift.standardOutput = output
    swift.standardInput = FileHandle.nullDevice
    try swift.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    swift.waitUntilExit()
    guard swift.terminationStatus == 0 else {
      throw TidyFailure("swift package dump-package failed: \(swift.terminationStatus)")
    }
    return try JSONDecoder().decode(PackageManifest.self, from: data)
  }
}
