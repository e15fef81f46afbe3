import Foundation
import Testing

/// What a server and a provider hold at one moment: what is more after everything is over than it
/// was before is a leak.
struct Levels: CustomStringConvertible {
  let serverDescriptors: Int
  let providerDescriptors: Int
  let serverBytes: Int
  let providerBytes: Int

  var description: String {
    """
    server \(serverDescriptors) descriptors and \(serverBytes >> 20) MiB, \
    provider \(providerDescriptors) and \(providerBytes >> 20) MiB
    """
  }

  /// Checks that no more memory is held than before and the bound.
  ///
  /// The bound is for the allocator: freed blocks stay with it, in an arrangement that is another
  /// one after each round.
  func expectNoMoreMemory(than before: Levels, bytesAbove bound: Int) {
    #expect(serverBytes < before.serverBytes + bound, "\(before), then \(self)")
    #expect(providerBytes < before.providerBytes + bound, "\(before), then \(self)")
  }
}

extension Lab {
  /// Waits until no stream is left on either side, nothing is counted for one any more, and no more
  /// descriptors are open than before; then says what is held.
  func levelsAtRest(
    _ server: RunningServer,
    _ provider: HawserProcess,
    noMoreDescriptorsThan before: Levels? = nil
  ) throws -> Levels {
    try wait(for: "every stream being forgotten") {
      let session = try session(of: server)
      let status = try status(of: server)
      return session["streams"] as? Int == 0 && status["clients"] as? Int == 0
        && status["retainedBytes"] as? Int == 0 && status["grantedBytes"] as? Int == 0
    }
    if let before {
      // An attempt to dial or a look at the status may still be closing its own.
      try wait(for: "no more descriptors than \(before)") {
        try server.process.descriptorCount() <= before.serverDescriptors
          && provider.descriptorCount() <= before.providerDescriptors
      }
    }
    return Levels(
      serverDescriptors: try server.process.descriptorCount(),
      providerDescriptors: try provider.descriptorCount(),
      serverBytes: try server.process.residentBytes(),
      providerBytes: try provider.residentBytes()
    )
  }
}
