/// Which of several backends gets a new client.
package enum BackendChoice {
  /// The less loaded of two random ones: close to the best of all, and a herd of new clients does
  /// not run to the same one.
  ///
  /// - Parameters:
  ///   - loads: The number of streams of each usable backend.
  ///   - generator: The system's in production, a seeded one in tests.
  /// - Returns: An index of `loads`; `nil` when it is empty.
  package static func leastLoadedOfTwo(
    loads: [Int],
    using generator: inout some RandomNumberGenerator
  ) -> Int? {
    guard loads.count > 1 else { return loads.indices.first }
    let first = Int.random(in: 0..<loads.count, using: &generator)
    var second = Int.random(in: 0..<loads.count - 1, using: &generator)
    if second >= first { second += 1 }
    return loads[second] < loads[first] ? second : first
  }
}
