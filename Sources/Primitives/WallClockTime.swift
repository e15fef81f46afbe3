/// A point in civil time, for what must hold across restarts and machines, such as when a token
/// expires.
///
/// The wall clock may jump, so protocol timers use ``Instant`` instead. The pure modules never read
/// it: the shell passes it in.
package struct WallClockTime: Sendable, Hashable, Comparable {
  /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
  package var secondsSince1970: Int64

  /// - Parameter secondsSince1970: Seconds since 1970-01-01T00:00:00Z.
  package init(secondsSince1970: Int64) {
    self.secondsSince1970 = secondsSince1970
  }

  package static func < (left: WallClockTime, right: WallClockTime) -> Bool {
    left.secondsSince1970 < right.secondsSince1970
  }

  /// The time `duration` later, fractions of a second cut off; saturates instead of overflowing.
  package static func + (time: WallClockTime, duration: Duration) -> WallClockTime {
    let seconds = duration.components.seconds
    let (sum, overflow) = time.secondsSince1970.addingReportingOverflow(seconds)
    if overflow { return WallClockTime(secondsSince1970: seconds < 0 ? .min : .max) }
    return WallClockTime(secondsSince1970: sum)
  }
}

extension WallClockTime: CustomStringConvertible {
  /// ISO 8601 in UTC, such as `2026-02-28T09:05:00Z`.
  package var description: String {
    let day = secondsSince1970.quotientAndFlooredRemainder(by: 86_400)
    let date = Self.civilDate(daysSince1970: day.quotient)
    let (hour, minute, second) = (
      day.remainder / 3600, day.remainder / 60 % 60, day.remainder % 60
    )
    return "\(Self.padded(date.year, to: 4))-\(Self.padded(date.month))-\(Self.padded(date.day))"
      + "T\(Self.padded(hour)):\(Self.padded(minute)):\(Self.padded(second))Z"
  }

  /// The proleptic Gregorian date of a day, by eras of 400 years that begin in March, so that the
  /// leap day is the last of its year (Howard Hinnant, `chrono`-compatible low-level date
  /// algorithms, `civil_from_days`).
  private static func civilDate(
    daysSince1970: Int64
  ) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = (daysSince1970 + 719_468).quotientAndFlooredRemainder(by: 146_097)
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func padded(_ number: Int64, to width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Int64 {
  /// Division that rounds towards negative infinity, so that the remainder is never negative.
  ///
  /// - Parameter divisor: More than 1, so that the division can't overflow.
  /// - Returns: The quotient and the remainder, from 0 to `divisor` − 1.
  fileprivate func quotientAndFlooredRemainder(
    by divisor: Int64
  ) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
