// swift-tools-version: 6.2

// What Scripts/mutate builds: the session, the simulation, and a program that runs seeds.

import PackageDescription

/// As in the package itself, but warnings may come: a mutation can leave a variable unused.
let swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
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

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let package = Package(
  name: "mutations",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
  ],
  targets: [
    module("Primitives", [nioCore]),
    module("Session", ["HawserPrimitives", nioCore, collections]),
    module("Simulation", ["HawserSession", "HawserPrimitives", nioCore]),
    .executableTarget(
      name: "Runner",
      dependencies: ["HawserSimulation"],
      path: "Sources/Runner",
      swiftSettings: swift
    ),
  ]
)
