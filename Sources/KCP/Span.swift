internal import struct HawserPrimitives.Instant

/// A length of time in whole nanoseconds: what `Duration` is at the module's edge, in one word.
///
/// `Duration` counts attoseconds in 128 bits, which shows in a profile of thousands of datagrams.
struct Span: Comparable, Hashable, Sendable {
  /// May be negative.
  var nanoseconds: Int64

  static let zero = Span(nanoseconds: 0)

  static func microseconds(_ count: Int64) -> Span { Span(nanoseconds: count * 1000) }
  static func milliseconds(_ count: Int64) -> Span { Span(nanoseconds: count * 1_000_000) }
  static func seconds(_ count: Int64) -> Span { Span(nanoseconds: count * 1_000_000_000) }

  init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// - Parameter seconds: Anything; what does not fit is saturated to 292 years, not-a-number is 0.
  init(seconds: Double) {
    let nanoseconds = seconds * 1e9
    self.nanoseconds = Int64(exactly: nanoseconds.rounded()) ?? (nanoseconds > 0 ? .max : 0)
  }

  init(_ duration: Duration) {
    nanoseconds = duration.wholeNanoseconds
  }

  /// In seconds.
  var seconds: Double { Double(nanoseconds) * 1e-9 }

  /// In whole microseconds, rounded towards zero.
  var wholeMicroseconds: Int64 { nanoseconds / 1000 }

  static func < (left: Span, right: Span) -> Bool { left.nanoseconds < right.nanoseconds }

  // Spans are differences of readings of one clock and small multiples of them, so none of these
  // comes near 292 years; saturating keeps a caller's absurd configuration from trapping.
  static func + (left: Span, right: Span) -> Span {
    let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
    return Span(nanoseconds: overflow ? .max : sum)
  }

  static func - (left: Span, right: Span) -> Span {
    let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
    return Span(nanoseconds: overflow ? .min : difference)
  }

  static func * (span: Span, factor: Int64) -> Span {
    let (product, overflow) = span.nanoseconds.multipliedReportingOverflow(by: factor)
    return Span(nanoseconds: overflow ? .max : product)
  }

  /// This span times a factor.
  func scaled(by factor: Double) -> Span { Span(seconds: seconds * factor) }

  /// `divisor`: not zero.
  static func / (span: Span, divisor: Int64) -> Span {
    Span(nanoseconds: span.nanoseconds / divisor)
  }
}

extension Duration {
  init(_ span: Span) {
    self = .nanoseconds(span.nanoseconds)
  }
}

extension Instant {
  /// The instant `span` later; saturates.
  static func + (instant: Instant, span: Span) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
    return Instant(nanoseconds: overflow ? .max : sum)
  }

  /// The instant `span` earlier; saturates.
  static func - (instant: Instant, span: Span) -> Instant {
    let (difference, overflow) = instant.nanoseconds.subtractingReportingOverflow(span.nanoseconds)
    return Instant(nanoseconds: overflow ? .min : difference)
  }

  /// The time from `earlier` to this instant; negative when it is the later one.
  func since(_ earlier: Instant) -> Span {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return Span(nanoseconds: overflow ? .max : difference)
  }
}
