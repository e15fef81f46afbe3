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
func tests(
  _ name: String,
  _ dependencies: [Target.Dependency],
  exclude: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: dependencies,
    path: "Tests/\(name)Tests",
    exclude: exclude,
    swiftSettings: swift
  )
}

let arguments = Target.Dependency.product(
  name: "ArgumentParser",
  package: "swift-argument-parser"
)
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let configuration = Target.Dependency.product(
  name: "Configuration",
  package: "swift-configuration"
)
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let lifecycle = Target.Dependency.product(
  name: "ServiceLifecycle",
  package: "swift-service-lifecycle"
)
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "hawser",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "hawser", targets: ["hawser"]),
    .library(name: "HawserFuzzEntry", targets: ["HawserFuzzEntry"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.0"),
    .package(url: "https://github.com/apple/swift-system.git", from: "1.8.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
  ],
  targets: [
    // Libraries of the system.
    .systemLibrary(
      name: "CSodium",
      pkgConfig: "libsodium",
      providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]
    ),
    .systemLibrary(
      name: "COpenSSL",
      pkgConfig: "openssl",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]
    ),
    .target(name: "COpenSSLShims", dependencies: ["COpenSSL"]),

    // Pure: no sockets, clocks or tasks.
    module("Primitives", [nioCore]),
    module("Cryptography", ["CSodium"]),
    module("Session", ["HawserPrimitives", nioCore, collections]),
    module("KCP", ["HawserPrimitives", nioCore]),
    module("Simulation", ["HawserSession", "HawserKCP", "HawserPrimitives", nioCore]),
    module("Handshake", ["HawserPrimitives", "HawserCryptography", nioCore]),
    module("Credentials", ["HawserPrimitives", "HawserCryptography"]),
    module("Routing", ["HawserPrimitives"]),
    module("TLS", ["COpenSSL", "COpenSSLShims", nioCore]),
    module("SecureDatagram", ["HawserPrimitives", "HawserCryptography", nioCore]),

    // The shell.
    module(
      "Transport",
      [
        "HawserPrimitives", "HawserCryptography", "HawserTLS", "HawserKCP", "HawserSecureDatagram",
        collections, logging, nioCore, nioPosix,
      ]
    ),
    module("Storage", ["HawserPrimitives", "HawserCryptography", "HawserCredentials", grdb]),
    module(
      "Tunnel",
      [
        "HawserPrimitives", "HawserCryptography", "HawserSession", "HawserHandshake",
        "HawserCredentials", "HawserRouting", "HawserTLS", "HawserTransport", collections, logging,
        nioCore, nioPosix,
      ]
    ),
    module("FaultRelay", [collections, nioCore, nioPosix]),
    module(
      "Configuration",
      ["HawserCredentials", "HawserPrimitives", "HawserRouting", configuration, yams]
    ),
    module(
      "Admin",
      [
        httpTypes, hummingbird, lifecycle, logging, nioCore, nioHTTP1, nioPosix, systemPackage,
      ]
    ),
    .executableTarget(
      name: "hawser",
      dependencies: [
        "HawserAdmin", "HawserConfiguration", "HawserCredentials", "HawserCryptography",
        "HawserFaultRelay", "HawserPrimitives", "HawserRouting", "HawserSimulation",
        "HawserStorage", "HawserTLS", "HawserTunnel", arguments, logging, nioCore, nioPosix,
        signals,
      ],
      path: "Sources/CommandLine",
      swiftSettings: swift
    ),

    // The decoders' door for the package in Fuzz.
    module(
      "FuzzEntry",
      [
        "HawserCredentials", "HawserCryptography", "HawserHandshake", "HawserKCP",
        "HawserPrimitives", "HawserRouting", "HawserSecureDatagram", "HawserSession",
        "HawserTransport", nioCore,
      ]
    ),

    // What tests share.
    .target(name: "ChildProcess", path: "Tests/ChildProcess", swiftSettings: swift),

    tests("Primitives", ["HawserPrimitives", nioCore]),
    tests("Cryptography", ["HawserCryptography", "HawserPrimitives", "CSodium"]),
    tests("Session", ["HawserSession", "HawserPrimitives", nioCore]),
    tests("KCP", ["HawserKCP", "HawserPrimitives", nioCore]),
    tests(
      "KCPInterop",
      ["HawserKCP", "HawserPrimitives", "ChildProcess", nioCore],
      exclude: ["kcp_peer.py"]
    ),
    tests("KCPSimulation", ["HawserSimulation"]),
    tests("Simulation", ["HawserSimulation"]),
    tests("Handshake", ["HawserHandshake", "HawserPrimitives", "HawserCryptography", nioCore]),
    tests("Credentials", ["HawserCredentials", "HawserPrimitives", "HawserCryptography"]),
    tests("Routing", ["HawserRouting", "HawserPrimitives"]),
    tests("TLS", ["HawserTLS", "HawserPrimitives", nioCore]),
    tests(
      "SecureDatagram",
      ["HawserSecureDatagram", "HawserPrimitives", "HawserCryptography", nioCore]
    ),
    tests(
      "Transport",
      [
        "HawserTransport", "HawserTLS", "HawserCryptography", "HawserPrimitives", logging, nioCore,
        nioEmbedded, nioPosix,
      ]
    ),
    tests(
      "Storage",
      ["HawserStorage", "HawserPrimitives", "HawserCryptography", "HawserCredentials"]
    ),
    tests(
      "Tunnel",
      [
        "HawserTunnel", "HawserPrimitives", "HawserCryptography", "HawserHandshake",
        "HawserCredentials",
        "HawserRouting", "HawserFaultRelay", logging, nioCore, nioEmbedded, nioPosix,
      ]
    ),
    tests("FaultRelay", ["HawserFaultRelay", nioCore, nioPosix]),
    tests("Configuration", ["HawserConfiguration", "HawserCredentials", "HawserRouting"]),
    tests(
      "CommandLine",
      ["hawser", "HawserAdmin", "HawserConfiguration", "HawserPrimitives", logging]
    ),
    tests("Tidy", ["hawser", "ChildProcess"]),
    tests(
      "ProtocolDocument",
      [
        "HawserHandshake", "HawserSession", "HawserTransport", "HawserCryptography",
        "HawserSecureDatagram", "HawserPrimitives", nioCore,
      ]
    ),
    tests("FuzzEntry", ["HawserFuzzEntry"]),
    tests(
      "EndToEnd",
      [
        "hawser", "ChildProcess", "HawserFaultRelay", "HawserPrimitives", "HawserCryptography",
        "HawserCredentials", "HawserHandshake", "HawserSession", "HawserTLS", "HawserTransport",
        nioCore, nioPosix,
      ]
    ),
  ]
)
