/// Why a quantity as people write it can't be understood; each case carries the text in question.
package enum HumanUnitsError: Error, Equatable, CustomStringConvertible {
  /// There is nothing to read.
  case empty
  /// A number is missing, negative, or written in another way than `12` or `1.5`.
  case notANumber(text: String)
  /// Only 0 needs no unit.
  case missingUnit(text: String, known: [String])
  /// The unit is none of `known`; units are case-sensitive.
  case unknownUnit(text: String, unit: String, known: [String])
  /// A compound duration must name each unit once, the larger one first.
  case unitOutOfOrder(text: String, unit: String)
  /// The quantity does not fit into its type.
  case tooLarge(text: String)

  package var description: String {
    switch self {
    case .empty: "a quantity is missing"
    case .notANumber(let text): "‘\(text)’ must begin with a number such as 12 or 1.5"
    case .missingUnit(let text, let known):
      "‘\(text)’ has no unit; write one of \(known.joined(separator: ", ")) behind the number"
    case .unknownUnit(let text, let unit, let known):
      "the unit ‘\(unit)’ in ‘\(text)’ is not one of \(known.joined(separator: ", "))"
    case .unitOutOfOrder(let text, let unit):
      "the unit ‘\(unit)’ in ‘\(text)’ must stand once, after the larger ones"
    case .tooLarge(let text): "‘\(text)’ is too large"
    }
  }
}

extension Duration {
  /// Reads a duration as people write it: `90s`, `1.5h`, `30d`, `1h30m`, `250ms`, `0`.
  ///
  /// - Parameter humanText: Numbers with the units ms, s, m (or min), h, d, w, larger units first.
  /// - Throws: ``HumanUnitsError``; the maximum is 292 years.
  package init(humanText: String) throws(HumanUnitsError) {
    let milliseconds = try HumanUnits.duration.parse(humanText, allowsCompound: true)
    guard milliseconds <= UInt64(Int64.max / 1_000_000) else { throw .tooLarge(text: humanText) }
    self = .milliseconds(Int64(milliseconds))
  }

  /// The duration in the largest unit that shows it whole, such as `90s`, `1500ms` or `30d`;
  /// rounded towards zero to milliseconds, and `0s` when negative.
  package var humanText: String {
    let milliseconds = UInt64(max(0, wholeNanoseconds / 1_000_000))
    return milliseconds == 0 ? "0s" : HumanUnits.duration.format(milliseconds)
  }
}

/// An amount of memory or data.
package struct ByteCount: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var bytes: UInt64

  package init(bytes: UInt64) {
    self.bytes = bytes
  }

  /// Reads an amount as people write it: `64MiB`, `1.5GB`, `512B`, `0`.
  ///
  /// - Parameter humanText: A number and one of B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB,
  ///   TiB (powers of 1024).
  /// - Throws: ``HumanUnitsError``.
  package init(humanText: String) throws(HumanUnitsError) {
    bytes = try HumanUnits.bytes.parse(humanText, allowsCompound: false)
  }

  /// The amount in the largest unit that shows it whole, such as `64MiB`.
  package var humanText: String { bytes == 0 ? "0B" : HumanUnits.bytes.format(bytes) }

  package var description: String { humanText }

  package static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}

/// The speed of a link.
package struct BitRate: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var bitsPerSecond: UInt64

  package init(bitsPerSecond: UInt64) {
    self.bitsPerSecond = bitsPerSecond
  }

  /// Reads a rate as people write it: `20Mbit/s`, `0.5Gbit/s`, `0`.
  ///
  /// - Parameter humanText: A number and one of bit/s, kbit/s, Mbit/s, Gbit/s (powers of 1000).
  /// - Throws: ``HumanUnitsError``.
  package init(humanText: String) throws(HumanUnitsError) {
    bitsPerSecond = try HumanUnits.bitRate.parse(humanText, allowsCompound: false)
  }

  /// The rate in the largest unit that shows it whole, such as `20Mbit/s`.
  package var humanText: String {
    bitsPerSecond == 0 ? "0bit/s" : HumanUnits.bitRate.format(bitsPerSecond)
  }

  package var description: String { humanText }

  package static func < (left: BitRate, right: BitRate) -> Bool {
    left.bitsPerSecond < right.bitsPerSecond
  }
}

/// The units of one kind of quantity, largest first; the first name of a size is the one printed.
private struct HumanUnits {
  /// In milliseconds.
  static let duration = HumanUnits([
    ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("min", 60_000),
    ("s", 1000), ("ms", 1),
  ])
  /// In bytes.
  static let bytes = HumanUnits([
    ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000),
    ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000), ("B", 1),
  ])
  /// In bits per second.
  static let bitRate = HumanUnits([
    ("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1000), ("bit/s", 1),
  ])

  /// Longer fractions than this are no quantity that a person means; it keeps 10^n within 64 bits.
  private static let maximumFractionDigits = 9

  private let units: [(name: String, size: UInt64)]

  private init(_ units: [(name: String, size: UInt64)]) {
    self.units = units
  }

  func parse(_ text: String, allowsCompound: Bool) throws(HumanUnitsError) -> UInt64 {
    guard !text.isEmpty else { throw .empty }
    var rest = text[...]
    var total: UInt64 = 0
    var smallerThan = UInt64.max
    repeat {
      let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
      let name = String(rest.dropFirst(number.count).prefix { !($0.isASCII && $0.isNumber) })
      rest = rest.dropFirst(number.count + name.count)
      if name.isEmpty, text == "0" { return 0 }
      guard !name.isEmpty else {
        throw .missingUnit(text: text, known: units.map(\.name))
      }
      guard !number.isEmpty else { throw .notANumber(text: text) }
      guard let unit = units.first(where: { $0.name == name }),
        allowsCompound || rest.isEmpty
      else {
        let unknown = allowsCompound ? name : name + rest
        throw .unknownUnit(text: text, unit: unknown, known: units.map(\.name))
      }
      guard unit.size < smallerThan else { throw .unitOutOfOrder(text: text, unit: name) }
      smallerThan = unit.size
      let (sum, overflow) = total.addingReportingOverflow(
        try quantity(of: number, times: unit.size, in: text)
      )
      guard !overflow else { throw .tooLarge(text: text) }
      total = sum
    } while !rest.isEmpty
    return total
  }

  func format(_ value: UInt64) -> String {
    for unit in units where value.isMultiple(of: unit.size) {
      return "\(value / unit.size)\(unit.name)"
    }
    return "\(value)"
  }

  /// `number` × `size` in whole base units; what a fraction leaves over is cut off.
  private func quantity(
    of number: Substring,
    times size: UInt64,
    in text: String
  ) throws(HumanUnitsError) -> UInt64 {
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = parts.first, !first.isEmpty else {
      throw .notANumber(text: text)
    }
    guard let whole = UInt64(first) else { throw .tooLarge(text: text) }
    let (product, overflow) = whole.multipliedReportingOverflow(by: size)
    guard !overflow else { throw .tooLarge(text: text) }
    guard parts.count == 2 else { return product }
    guard (1...Self.maximumFractionDigits).contains(parts[1].count), let digits = UInt64(parts[1])
    else { throw .notANumber(text: text) }
    let scale = (0..<parts[1].count).reduce(UInt64(1)) { scale, _ in scale * 10 }
    let (high, low) = digits.multipliedFullWidth(by: size)
    // digits < scale, so the quotient is below `size` and the division can't trap.
    let (sum, sumOverflow) = product.addingReportingOverflow(
      scale.dividingFullWidth((high, low)).quotient
    )
    guard !sumOverflow else { throw .tooLarge(text: text) }
    return sum
  }
}
