// swift-tools-version: 6.2

import PackageDescription

// A package of its own: its flags instrument everything that it builds. `Scripts/fuzz` builds and
// runs it.
let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "hawser", path: "..")
  ],
  targets: [
    .target(name: "CFuzzDriver"),
    .executableTarget(
      name: "Fuzz",
      dependencies: ["CFuzzDriver", .product(name: "HawserFuzzEntry", package: "hawser")],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .treatAllWarnings(as: .error),
      ]
    ),
  ]
)
