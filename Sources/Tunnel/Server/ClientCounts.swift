/// Counts clients against their limits, and says when to stop and to resume accepting. Pure.
package struct ClientCounts: Sendable {
  /// The limit that a client was refused, or kept waiting, for.
  package enum Limit: String, Sendable, Hashable, CaseIterable, Codable {
    case server, entry, user, parked, provider, descriptors
  }

  private let limits: ClientLimits
  private let descriptorBudget: Int
  private var byEntry: [String: Int] = [:]
  private var byUser: [String: Int] = [:]

  /// Clients at present.
  package private(set) var total = 0

  /// Listening sockets beside them, which take from the same budget.
  package var listeners = 0

  /// - Parameters:
  ///   - limits: The configured ones.
  ///   - descriptorBudget: Sockets of clients and entries that the process can have; accepting
  ///     pauses there.
  package init(limits: ClientLimits, descriptorBudget: Int) {
    self.limits = limits
    self.descriptorBudget = max(1, descriptorBudget)
  }

  /// Whether no more clients are to be accepted, because their sockets could not be had.
  package var isAtDescriptorLimit: Bool { total + listeners >= descriptorBudget }

  /// Whether accepting may resume: a fiftieth below the limit, so that it does not flap.
  package var isWellBelowDescriptorLimit: Bool {
    total + listeners <= descriptorBudget - max(1, descriptorBudget / 50)
  }

  /// Counts a new client of `entry`, or says which limit it would exceed and counts nothing.
  package mutating func admit(entry: String, user: String?) -> Limit? {
    if let limit = limits.server, total >= limit { return .server }
    if let limit = limits.entry, byEntry[entry, default: 0] >= limit { return .entry }
    if let limit = limits.user, let user, byUser[user, default: 0] >= limit { return .user }
    total += 1
    byEntry[entry, default: 0] += 1
    if let user { byUser[user, default: 0] += 1 }
    return nil
  }

  /// Forgets a client; the arguments are those of its admission.
  package mutating func leave(entry: String, user: String?) {
    total -= 1
    Self.decrement(&byEntry, entry)
    if let user { Self.decrement(&byUser, user) }
    assert(total >= 0)
  }

  private static func decrement(_ counts: inout [String: Int], _ key: String) {
    let count = counts[key, default: 0] - 1
    counts[key] = count > 0 ? count : nil
  }
}
