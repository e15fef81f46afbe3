internal import HawserPrimitives

/// One service that a provider offers: how the world reaches it, and where its target is.
package struct ServiceEntry: Sendable, Hashable {
  /// Where clients come in, on the server's side.
  package enum Entrance: Sendable, Hashable {
    /// The server's own entry (its `--listen` port).
    case serverEntry
    /// A port that the provider claims; 0 asks for a free one.
    case port(UInt16)
  }

  /// The most services that one provider may offer; more are a mistake in a script.
  package static let maximumCount = 256

  package let entrance: Entrance
  package let target: TargetAddress

  package init(entrance: Entrance, target: TargetAddress) {
    self.entrance = entrance
    self.target = target
  }

  /// Reads a mapping as `--tcp` takes it.
  ///
  /// - Parameter portMapping: `PORT=TARGET`; port 0 asks for a free one.
  /// - Throws: ``RoutingError``.
  package init(portMapping: some StringProtocol) throws(RoutingError) {
    guard let separator = portMapping.firstIndex(of: "=") else {
      throw .invalidMapping(text: String(portMapping), reason: "there is no ‘=’: write PORT=TARGET")
    }
    do throws(HostError) {
      entrance = .port(try UInt16(portText: portMapping[..<separator], minimum: 0))
    } catch {
      throw .invalidMapping(text: String(portMapping), reason: "\(error)")
    }
    target = try TargetAddress(text: portMapping[portMapping.index(after: separator)...])
  }

  /// Reads all that a provider is told to offer, from its flags or its configuration.
  ///
  /// - Parameters:
  ///   - portMappings: Any number of `PORT=TARGET`.
  ///   - target: A target for the server's own entry.
  /// - Returns: At least one service; that of the server's entry comes first.
  /// - Throws: ``RoutingError``, for a port that is named twice too.
  package static func list(
    portMappings: [String],
    target: String?
  ) throws(RoutingError) -> [ServiceEntry] {
    var entries: [ServiceEntry] = []
    var ports: Set<UInt16> = []
    if let target {
      entries.append(ServiceEntry(entrance: .serverEntry, target: try TargetAddress(text: target)))
    }
    for mapping in portMappings {
      let entry = try ServiceEntry(portMapping: mapping)
      if case .port(let port) = entry.entrance, port != 0, !ports.insert(port).inserted {
        throw .duplicatePort(port)
      }
      entries.append(entry)
    }
    guard !entries.isEmpty else { throw .noService }
    guard entries.count <= maximumCount else { throw .tooManyServices(maximum: maximumCount) }
    return entries
  }
}
