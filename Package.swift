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
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
  name: "hawser",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
  ],
  targets: [
    module("Primitives", [nioCore]),
    tests("Primitives", ["HawserPrimitives", nioCore]),
    .systemLibrary(
      name: "COpenSSL", pkgConfig: "openssl",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .target(name: "COpenSSLShims", dependencies: ["COpenSSL"]),
    module("TLS", ["HawserPrimitives", "COpenSSL", "COpenSSLShims", nioCore]),
    tests("TLS", ["HawserTLS", "HawserPrimitives", nioCore]),
    module("Transport", ["HawserPrimitives", "HawserTLS", nioCore, nioPosix, collections, log]),
    tests("Transport", ["HawserTransport", "HawserTLS", "HawserPrimitives", nioCore, nioPosix, nioEmbedded, log]),
  ]
)
