import HawserPrimitives
import Testing

struct `An instant` {
  @Test func `moves by a duration and measures one`() {
    let start = Instant(nanoseconds: 5)
    #expect(start + .milliseconds(2) == Instant(nanoseconds: 2_000_005))
    #expect(start + .milliseconds(2) - start == .milliseconds(2))
    #expect(start - (start + .seconds(1)) == .seconds(-1))
  }

  @Test func `saturates instead of overflowing`() {
    #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
    #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
  }
}

struct `A random identifier` {
  @Test func `keeps its bytes`() throws {
    let bytes = (0..<16).map(UInt8.init)
    let id = try #require(RandomID(bytes: bytes))
    #expect(id.bytes == bytes)
    #expect(id.description == "000102030405060708090a0b0c0d0e0f")
  }

  @Test func `is refused for any other length`() {
    #expect(RandomID(bytes: [UInt8](repeating: 0, count: 15)) == nil)
    #expect(RandomID(bytes: [UInt8](repeating: 0, count: 17)) == nil)
  }
}
