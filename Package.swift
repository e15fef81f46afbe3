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
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let configuration = Target.Dependency.product(
  name: "Configuration",
  package: "swift-configuration"
)
let arguments = Target.Dependency.product(
  name: "ArgumentParser",
  package: "swift-argument-parser"
)
let httpTypes = Target.Dependency.product(
  name: "NIOHTTPTypesHTTP1",
  package: "swift-nio-extras"
)
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
  name: "hawser",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
    .package(
      url: "https://github.com/apple/swift-configuration.git",
      from: "1.4.0",
      traits: []
    ),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-system.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.0"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
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
    tests("Tidy", ["hawser"]),
    tests("EndToEnd", ["hawser", "HawserFaultRelay", "HawserCryptography", nioPosix]),
    module("Credentials", ["HawserPrimitives", "HawserCryptography"]),
    tests("Credentials", ["HawserCredentials", "HawserPrimitives", "HawserCryptography"]),
    module("Routing", ["HawserPrimitives"]),
    tests("Routing", ["HawserRouting", "HawserPrimitives"]),
    module("Configuration", ["HawserPrimitives", configuration, yams]),
    tests("Configuration", ["HawserConfiguration"]),
    module(
      "Admin",
      [hummingbird, httpTypes, logging, nioCore, nioPosix, nioHTTP1, systemPackage]
    ),
    tests("Admin", ["HawserAdmin", hummingbird, logging, nioCore, nioPosix]),
    .executableTarget(
      name: "hawser",
      dependencies: [
        "HawserAdmin", "HawserConfiguration", "HawserPrimitives", arguments, logging, nioCore,
        nioPosix, signals,
      ],
      path: "Sources/CommandLine",
      swiftSettings: swift
    ),
    tests("CommandLine", ["hawser"]),
      name: "COpenSSL", pkgConfig: "openssl",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .target(name: "COpenSSLShims", dependencies: ["COpenSSL"]),
    module("TLS", ["HawserPrimitives", "COpenSSL", "COpenSSLShims", nioCore]),
    tests("TLS", ["HawserTLS", "HawserPrimitives", nioCore]),
    module("Transport", ["HawserPrimitives", "HawserTLS", nioCore, nioPosix, collections, log]),
    tests("Transport", ["HawserTransport", "HawserTLS", "HawserPrimitives", nioCore, nioPosix, nioEmbedded, log]),
    module("Storage", ["HawserPrimitives", "HawserCryptography", "HawserCredentials", grdb]),
    tests(
      "Storage", ["HawserStorage", "HawserPrimitives", "HawserCryptography", "HawserCredentials"]),
  ]
)
