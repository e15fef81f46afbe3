/// An IPv4 address, read without a resolver.
package struct IPv4Address: Sendable, Hashable {
  /// The four bytes in network order.
  package let bytes: [UInt8]

  /// - Parameter text: Four decimal numbers without leading zeros, which some readers take for
  ///   octal; `nil` is returned for anything else.
  package init?(text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard part.utf8.allSatisfy(isDigit), part == "0" || !part.hasPrefix("0"),
        let byte = UInt8(part)
      else { return nil }
      bytes.append(byte)
    }
    self.bytes = bytes
  }
}

/// An IPv6 address, read without a resolver (RFC 4291 §2.2).
package struct IPv6Address: Sendable, Hashable {
  /// The eight groups of 16 bits.
  package let groups: [UInt16]
  /// The zone of a link-local address (RFC 4007 §11), such as the interface `eth0`.
  package let zone: String?

  private static let groupCount = 8
  /// The longest interface name that Linux allows (`IFNAMSIZ` less its final zero), in characters.
  private static let maximumZoneLength = 15

  /// - Parameter text: The address without brackets, perhaps with `%` and a zone; `nil` is returned
  ///   for anything else.
  package init?(text: some StringProtocol) {
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first else { return nil }
    if parts.count == 2 {
      guard Self.isZone(parts[1]) else { return nil }
      zone = String(parts[1])
    } else {
      zone = nil
    }
    guard let groups = Self.groups(of: String(address)) else { return nil }
    self.groups = groups
  }

  /// The IPv4 address that a dual-stack socket shows as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
  package var mappedIPv4: [UInt8]? {
    guard groups[..<5].allSatisfy({ $0 == 0 }), groups[5] == 0xFFFF else { return nil }
    return groups[6...].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
  }

  private static func groups(of text: String) -> [UInt16]? {
    let halves = text.split(separator: "::", omittingEmptySubsequences: false)
    switch halves.count {
    case 1:
      guard let groups = run(of: halves[0], isLast: true), groups.count == groupCount else {
        return nil
      }
      return groups
    case 2:
      guard let head = run(of: halves[0], isLast: false),
        let tail = run(of: halves[1], isLast: true)
      else { return nil }
      let missing = groupCount - head.count - tail.count
      // "::" stands for one group at least.
      guard missing >= 1 else { return nil }
      return head + [UInt16](repeating: 0, count: missing) + tail
    default: return nil
    }
  }

  /// The groups between colons; the last of an address may be an IPv4 address in decimal.
  private static func run(of text: Substring, isLast: Bool) -> [UInt16]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
      if isLast, index == parts.count - 1, let address = IPv4Address(text: part) {
        let bytes = address.bytes.map(UInt16.init)
        groups += [bytes[0] << 8 | bytes[1], bytes[2] << 8 | bytes[3]]
      } else {
        guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexadecimalDigit),
          let group = UInt16(part, radix: 16)
        else { return nil }
        groups.append(group)
      }
    }
    return groups
  }

  private static func isZone(_ text: some StringProtocol) -> Bool {
    (1...maximumZoneLength).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
          || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
      }
  }

  private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}
