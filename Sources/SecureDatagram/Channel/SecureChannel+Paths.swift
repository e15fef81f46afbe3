package import HawserPrimitives

/// Where the peer is.
///
///     server:  proved ── newest datagram from elsewhere ──▶ unproved, at most 3 × received there
///                ▲                                               │
///                ├── answer to the challenge: pathChanged ◀──────┤
///                └── no answer, or the newest datagram comes from the old address again:
///                    the old path is still there
extension SecureChannel {
  /// Sends through another path from now on, and proves it; a client does that when its socket or
  /// its interface has gone.
  ///
  /// - Parameters:
  ///   - address: The server's, with the socket that leads there.
  ///   - sizeLimit: What the interface takes there, in bytes of UDP payload.
  ///   - now: The current instant.
  package func move(to address: PathAddress, sizeLimit: Int, at now: Instant) {
    guard isOpen, role == .client else { return }
    let kind = change(to: address)
    self.sizeLimit = sizeLimit
    let size = kind == .port ? path.size : SizeSearch(limit: sizeLimit, at: now)
    path = Path(validated: address, size: size)
    path.start(newChallenge(at: now))
    if probed?.address == address { probed = nil }
    statistics.pathChanges += 1
    events.append(.pathChanged(PathChange(kind: kind, address: address)))
    announcePayload()
  }

  /// Asks whether another path leads to the server, without using it yet; the answer is
  /// ``SecureChannelEvent/pathProved(_:)`` or ``SecureChannelEvent/pathFailed(_:)``. One at a time.
  package func probe(_ address: PathAddress, at now: Instant) {
    guard isOpen, role == .client else { return }
    probed = (address, newChallenge(at: now))
  }

  /// Follows the client's newest datagram, which has `bytes` bytes, to another address.
  func follow(_ address: PathAddress, bytes: Int, at now: Instant) {
    if let old = fallback, old.address == address {
      // It is where it was: what seemed to be a move was somebody else's copy.
      path = old
      path.endChallenge()
      fallback = nil
      path.noteReceived(bytes: bytes, at: now)
      events.append(.unlimited)
      announcePayload()
      return
    }
    let proved = path.isValidated ? path : fallback
    let reference = proved ?? path
    let size =
      reference.address.hasSameHost(as: address)
      ? reference.size : SizeSearch(limit: sizeLimit, at: now)
    if path.isValidated {
      fallback = path
      // Induces an answer from the client if it is still there (RFC 9000 §9.3.3).
      fallback?.start(newChallenge(at: now))
    }
    path = Path(challenging: address, by: newChallenge(at: now), size: size)
    path.noteReceived(bytes: bytes, at: now)
    announcePayload()
  }

  func takeResponse(_ token: UInt64, at now: Instant) {
    let wasValidated = path.isValidated
    if path.takeResponse(token) {
      if wasValidated {
        events.append(.pathProved(path.address))
      } else {
        settle()
      }
    } else if fallback?.takeResponse(token) != true, let probed,
      probed.challenge.token == token
    {
      self.probed = nil
      events.append(.pathProved(probed.address))
    }
  }

  /// The new path is proved; the old one is forgotten.
  private func settle() {
    if let old = fallback {
      let kind: PathChange.Kind =
        old.address.hasSameHost(as: path.address) ? .port : .address
      statistics.pathChanges += 1
      events.append(.pathChanged(PathChange(kind: kind, address: path.address)))
    }
    fallback = nil
    events.append(.unlimited)
  }

  private func change(to address: PathAddress) -> PathChange.Kind {
    path.address.hasSameHost(as: address) ? .port : .address
  }

  /// Ends challenges that nobody has answered.
  func giveUpPaths(at now: Instant) {
    if path.challenge?.isOver(at: now) == true {
      let address = path.address
      if path.isValidated {
        path.endChallenge()
        events.append(.pathFailed(address))
      } else if let old = fallback {
        path = old
        path.endChallenge()
        fallback = nil
        events.append(.pathFailed(address))
        events.append(.unlimited)
        announcePayload()
      } else {
        path.parkChallenge()
      }
    }
    if fallback?.challenge?.isOver(at: now) == true { fallback?.endChallenge() }
    if let probed, probed.challenge.isOver(at: now) {
      self.probed = nil
      events.append(.pathFailed(probed.address))
    }
  }
}
