// swift-tools-version: 6.2

import PackageDescription

let swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

/// A library module of ours: its folder is its name without the prefix.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: "Hawser\(name)",
    dependencies: dependencies,
    path: "Sources/\(name)",
    swiftSettings: swift
  )
}

/// The tests of one module.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: dependencies,
    path: "Tests/\(name)Tests",
    swiftSettings: swift
  )
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
  name: "hawser",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
  ],
  targets: [
    module("Primitives", [nioCore]),
    tests("Primitives", ["HawserPrimitives", nioCore]),
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium",
      providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
    module("Cryptography", ["CSodium"]),
    tests("Cryptography", ["HawserCryptography", "HawserPrimitives", "CSodium"]),
    module("Credentials", ["HawserPrimitives", "HawserCryptography"]),
    tests("Credentials", ["HawserCredentials", "HawserPrimitives", "HawserCryptography"]),
    module("Routing", ["HawserPrimitives"]),
    tests("Routing", ["HawserRouting", "HawserPrimitives"]),
    module("Storage", ["HawserPrimitives", "HawserCryptography", "HawserCredentials", grdb]),
    tests(
      "Storage", ["HawserStorage", "HawserPrimitives", "HawserCryptography", "HawserCredentials"]),
  ]
)
