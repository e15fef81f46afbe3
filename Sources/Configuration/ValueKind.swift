internal import HawserPrimitives

/// How the text of an option becomes a value, and what to tell a person who wrote another text.
package struct ValueKind<Value: Sendable>: Sendable {
  /// What is right, to follow "expected": `a port from 0 to 65535`.
  package let expectation: String
  /// Whether messages must not show the value.
  package let isSecret: Bool
  /// The value; `nil`, or an error that says more, when the text is not right.
  package let parse: @Sendable (String) throws -> Value?

  package init(
    _ expectation: String,
    isSecret: Bool = false,
    parse: @escaping @Sendable (String) throws -> Value?
  ) {
    self.expectation = expectation
    self.isSecret = isSecret
    self.parse = parse
  }
}

extension ValueKind where Value == UInt16 {
  /// A port to listen on; 0 lets the system choose.
  package static var port: Self {
    ValueKind("a port from 0 to 65535") { UInt16($0) }
  }
}

extension ValueKind where Value == Int {
  /// A whole number of at least `minimum`.
  package static func count(atLeast minimum: Int) -> Self {
    ValueKind("a whole number, \(minimum) or more") { text in
      Int(text).flatMap { $0 >= minimum ? $0 : nil }
    }
  }
}

extension ValueKind where Value == Duration {
  /// A time with its unit, within `range`.
  package static func duration(in range: ClosedRange<Duration>) -> Self {
    let bounds =
      "from \(range.lowerBound.humanText) to \(range.upperBound.humanText)"
    return ValueKind("a duration with its unit such as 90s or 5m, \(bounds)") { text in
      let duration = try Duration(humanText: text)
      return range.contains(duration) ? duration : nil
    }
  }
}

extension ValueKind where Value == String {
  /// Any text but an empty one; `what` follows "expected".
  package static func text(_ what: String, isSecret: Bool = false) -> Self {
    ValueKind(what, isSecret: isSecret) { $0.isEmpty ? nil : $0 }
  }
}

extension ValueKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of a few words.
  package static var choice: Self {
    let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
    return ValueKind("one of \(words)") { Value(rawValue: $0) }
  }
}
