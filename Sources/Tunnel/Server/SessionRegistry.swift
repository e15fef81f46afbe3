package import HawserCryptography
package import HawserHandshake
package import HawserPrimitives

/// The sessions of a server by id, and by the client whose process began them. Pure.
///
/// Ids of sessions that have ended are remembered for a while with the reason, so that a provider
/// that comes back too late learns why it has to start anew; it has to prove first that the
/// session was its own.
package struct SessionRegistry<Member: AnyObject> {
  /// Whose session it is: a client id counts only together with the user who used it, so that
  /// nobody can replace another user's provider.
  package struct Owner: Hashable {
    let user: String
    let client: RandomID

    package init(user: String, client: RandomID) {
      self.user = user
      self.client = client
    }
  }

  /// A session that has ended.
  package struct Ended {
    package let resumeSecret: Secret
    package let reason: Reject.Code
  }

  private struct Entry {
    let member: Member
    let owner: Owner
    let token: String
  }

  private let endedCapacity: Int
  private var entries: [RandomID: Entry] = [:]
  private var byOwner: [Owner: RandomID] = [:]
  private var byToken: [String: Set<RandomID>] = [:]
  private var ended: [RandomID: Ended] = [:]
  private var endedOrder: [RandomID] = []

  /// - Parameter endedCapacity: Ended sessions that are remembered; the oldest is forgotten.
  package init(endedCapacity: Int) {
    self.endedCapacity = endedCapacity
  }

  package var count: Int { entries.count }
  package var members: [Member] { entries.values.map(\.member) }

  package subscript(id: RandomID) -> Member? { entries[id]?.member }

  /// The session of this owner, which a new one replaces.
  package func session(of owner: Owner) -> Member? {
    byOwner[owner].flatMap { entries[$0]?.member }
  }

  package func sessions(ofToken token: String) -> [Member] {
    (byToken[token] ?? []).compactMap { entries[$0]?.member }
  }

  package func ended(_ id: RandomID) -> Ended? { ended[id] }

  /// Adds a session; the caller has ended the one that it replaces.
  package mutating func add(_ member: Member, id: RandomID, owner: Owner, token: String) {
    entries[id] = Entry(member: member, owner: owner, token: token)
    byOwner[owner] = id
    byToken[token, default: []].insert(id)
  }

  /// Removes a session and remembers why it ended.
  package mutating func remove(_ id: RandomID, resumeSecret: Secret, reason: Reject.Code) {
    guard let entry = entries.removeValue(forKey: id) else { return }
    if byOwner[entry.owner] == id { byOwner[entry.owner] = nil }
    byToken[entry.token]?.remove(id)
    if byToken[entry.token]?.isEmpty == true { byToken[entry.token] = nil }
    guard endedCapacity > 0 else { return }
    if endedOrder.count >= endedCapacity { ended[endedOrder.removeFirst()] = nil }
    endedOrder.append(id)
    ended[id] = Ended(resumeSecret: resumeSecret, reason: reason)
  }
}
