import HawserPrimitives
import Testing

struct WallClockTimeTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_772_269_500, "2026-02-28T09:05:00Z"), (4_102_444_799, "2099-12-31T23:59:59Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    ] as [(Int64, String)]
  )
  func `times are printed in UTC`(seconds: Int64, text: String) {
    #expect("\(WallClockTime(secondsSince1970: seconds))" == text)
  }

  @Test
  func `extremes neither trap when added to nor when printed`() {
    let last = WallClockTime(secondsSince1970: .max)
    #expect(last + .seconds(1) == last)
    #expect(WallClockTime(secondsSince1970: .min) + .seconds(-1) < last)
    #expect("\(last)".hasSuffix("Z"))
    #expect("\(WallClockTime(secondsSince1970: .min))".hasSuffix("Z"))
  }
}
