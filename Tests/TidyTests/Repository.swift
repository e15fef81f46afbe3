import Foundation

/// The working copy that these tests were built from.
struct Repository {
  /// Its top folder.
  let root: URL

  /// The top folder's path.
  var path: String { root.path(percentEncoded: false) }

  /// The one that holds this very file.
  static let current = Repository(
    root: URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  )

  /// The text of a file, by its path relative to the top folder.
  func text(of path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  /// Whether there is a file or folder at a path relative to the top folder.
  func holds(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appending(path: path).path(percentEncoded: false))
  }

  /// Whether there is a file that may be run at a path relative to the top folder.
  func holdsExecutable(_ path: String) -> Bool {
    FileManager.default.isExecutableFile(
      atPath: root.appending(path: path).path(percentEncoded: false)
    )
  }

  /// The paths, relative and sorted, of all files below a folder whose names end so; build products
  /// and Git's own files are left out.
  func files(below folder: String = "", endingIn suffix: String) -> [String] {
    let top = root.appending(path: folder)
    let walk = FileManager.default.enumerator(atPath: top.path(percentEncoded: false))
    var found: [String] = []
    while let path = walk?.nextObject() as? String {
      let first = path.prefix { $0 != "/" }
      if folder.isEmpty && (first == ".build" || first == ".git") {
        walk?.skipDescendants()
        continue
      }
      if path.contains("/.build/") || path.hasPrefix(".build/") { continue }
      if path.hasSuffix(suffix) { found.append(folder.isEmpty ? path : "\(folder)/\(path)") }
    }
    return found.sorted()
  }

  /// All Swift files of the repository below a folder, scanned.
  func sources(below folder: String) throws -> [SwiftSource] {
    try Self.scanned.get().filter { $0.path.hasPrefix("\(folder)/") }
  }

  /// Scanned once for all tests: it takes longer than all rules together.
  private static let scanned = Result {
    try ["Sources", "Tests"].flatMap { folder in
      try current.files(below: folder, endingIn: ".swift").map {
        SwiftSource(path: $0, text: try current.text(of: $0))
      }
    }
  }
}
