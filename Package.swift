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
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let package = Package(
  name: "hawser",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
  ],
  targets: [
    module("Primitives", [nioCore]),
    module("Session", ["HawserPrimitives", nioCore, collections]),
    tests("Primitives", ["HawserPrimitives", nioCore]),
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium",
      providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
    module("Cryptography", ["CSodium"]),
    tests("Cryptography", ["HawserCryptography", "HawserPrimitives", "CSodium"]),
    module("Handshake", ["HawserPrimitives", "HawserCryptography", nioCore]),
    module("FaultRelay", [nioCore, nioPosix, collections]),
    tests("FaultRelay", ["HawserFaultRelay", nioCore, nioPosix]),
    tests("Handshake", ["HawserHandshake", "HawserPrimitives", "HawserCryptography", nioCore]),
    tests("Tidy", []),
    module("Credentials", ["HawserPrimitives", "HawserCryptography"]),
    tests("Credentials", ["HawserCredentials", "HawserPrimitives", "HawserCryptography"]),
    module("Routing", ["HawserPrimitives"]),
    tests("Routing", ["HawserRouting", "HawserPrimitives"]),
  ]
)
