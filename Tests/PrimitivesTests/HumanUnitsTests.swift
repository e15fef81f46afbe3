import HawserPrimitives
import Testing

struct HumanUnitsTests {
  @Test(
    arguments: [
      ("90s", .seconds(90)), ("0", .zero), ("0s", .zero), ("250ms", .milliseconds(250)),
      ("2m", .seconds(120)), ("2min", .seconds(120)), ("1.5h", .seconds(5400)),
      ("30d", .seconds(2_592_000)), ("1w", .seconds(604_800)), ("1h30m", .seconds(5400)),
      ("1m0.5s", .milliseconds(60_500)), ("0.0005s", .zero),
    ] as [(String, Duration)]
  )
  func `durations are read`(text: String, duration: Duration) throws {
    #expect(try Duration(humanText: text) == duration)
  }

  @Test(arguments: [
    ("90s", "90s"), ("120s", "2m"), ("1h30m", "90m"), ("30d", "30d"), ("14d", "2w"),
    ("1.5s", "1500ms"), ("0", "0s"),
  ])
  func `durations are printed in the largest unit that shows them whole`(
    text: String,
    printed: String
  ) throws {
    let duration = try Duration(humanText: text)
    #expect(duration.humanText == printed)
    #expect(try Duration(humanText: printed) == duration)
  }

  @Test(
    arguments: [
      ("64MiB", 67_108_864), ("1.5GB", 1_500_000_000), ("512B", 512), ("4kB", 4000), ("0", 0),
      ("16777215TiB", 18_446_742_974_197_923_840), ("1TB", 1_000_000_000_000), ("0.5KiB", 512),
    ] as [(String, UInt64)]
  )
  func `amounts of data are read`(text: String, bytes: UInt64) throws {
    #expect(try ByteCount(humanText: text).bytes == bytes)
  }

  @Test
  func `amounts and rates are printed so that they can be read again`() throws {
    for text in ["64MiB", "1500B", "3kB", "1TiB", "0B"] {
      #expect(try ByteCount(humanText: text).humanText == text)
    }
    for text in ["20Mbit/s", "1500bit/s", "1Gbit/s", "0bit/s"] {
      #expect(try BitRate(humanText: text).humanText == text)
    }
  }

  @Test
  func `rates are read`() throws {
    #expect(try BitRate(humanText: "20Mbit/s").bitsPerSecond == 20_000_000)
    #expect(try BitRate(humanText: "0.5Gbit/s").bitsPerSecond == 500_000_000)
  }

  @Test(arguments: [
    ("", "a quantity is missing"),
    ("s", "‘s’ must begin with a number such as 12 or 1.5"),
    ("-5s", "‘-5s’ must begin with a number such as 12 or 1.5"),
    ("1.s", "‘1.s’ must begin with a number such as 12 or 1.5"),
    (".5s", "‘.5s’ must begin with a number such as 12 or 1.5"),
    ("1.2.3s", "‘1.2.3s’ must begin with a number such as 12 or 1.5"),
    ("1.0000000001s", "‘1.0000000001s’ must begin with a number such as 12 or 1.5"),
    ("90", "‘90’ has no unit; write one of w, d, h, m, min, s, ms behind the number"),
    ("1h30", "‘1h30’ has no unit; write one of w, d, h, m, min, s, ms behind the number"),
    ("90sec", "the unit ‘sec’ in ‘90sec’ is not one of w, d, h, m, min, s, ms"),
    ("90 s", "the unit ‘ s’ in ‘90 s’ is not one of w, d, h, m, min, s, ms"),
    ("30m1h", "the unit ‘h’ in ‘30m1h’ must stand once, after the larger ones"),
    ("1s1s", "the unit ‘s’ in ‘1s1s’ must stand once, after the larger ones"),
    ("99999999999999999999s", "‘99999999999999999999s’ is too large"),
    ("300000000000w", "‘300000000000w’ is too large"),
    ("20000w", "‘20000w’ is too large"),
  ])
  func `what is wrong with a duration is said`(text: String, message: String) {
    let error = #expect(throws: HumanUnitsError.self) { try Duration(humanText: text) }
    #expect(error?.description == message)
  }

  @Test
  func `what is wrong with an amount is said`() {
    #expect(
      throws: HumanUnitsError.unknownUnit(
        text: "64mb",
        unit: "mb",
        known: ["TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB", "B"]
      )
    ) { try ByteCount(humanText: "64mb") }
    #expect(
      throws: HumanUnitsError.unknownUnit(
        text: "1Gbit/s5Mbit/s",
        unit: "Gbit/s5Mbit/s",
        known: ["Gbit/s", "Mbit/s", "kbit/s", "bit/s"]
      )
    ) { try BitRate(humanText: "1Gbit/s5Mbit/s") }
    #expect(throws: HumanUnitsError.tooLarge(text: "16777216TiB")) {
      try ByteCount(humanText: "16777216TiB")
    }
  }
}
