import HawserCredentials
import HawserCryptography
import HawserPrimitives
import Testing

/// Texts made by damaging good ones: each is read or refused, none traps, and what is read is
/// printed so that it is read again.
struct RandomTextTests {
  private static let roundsPerSeed = 2000

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `damaged texts are refused or mean what they say`(seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    let token = Token(using: &generator)
    let key = ServerIdentity.generate().joinKey
    let good = [
      JoinURL(token: token, host: try Host("relay.example.com"), keys: [key]).text,
      JoinURL(token: token, host: try Host("fe80::1%eth0"), port: 1, keys: [key, key]).text,
    ]
    for round in 0..<Self.roundsPerSeed {
      let text = damaged(good[round % good.count], using: &generator)
      guard let url = try? JoinURL(text: text) else { continue }
      #expect(try JoinURL(text: url.text) == url, "seed \(seed), round \(round): \(text)")
    }
    for round in 0..<Self.roundsPerSeed {
      let text = damaged(token.text, using: &generator)
      guard let read = try? Token(text: text) else { continue }
      #expect(read.text == text, "seed \(seed), round \(round)")
    }
    for round in 0..<Self.roundsPerSeed {
      let text = damaged("80,2000-2999", using: &generator)
      guard let read = try? PortRange.parseList(text) else { continue }
      let printed = read.map(\.description).joined(separator: ",")
      #expect(try PortRange.parseList(printed) == read, "seed \(seed), round \(round): \(text)")
    }
  }

  private func damaged(_ text: String, using generator: inout SeededGenerator) -> String {
    let alphabet = Array("az09:/@?&=%#[]._-+\n\0 é")
    var characters = Array(text)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let index = Int.random(in: 0..<characters.count, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: characters.remove(at: index)
      case 1:
        characters.insert(alphabet.randomElement(using: &generator) ?? "a", at: index)
      case 2: characters[index] = alphabet.randomElement(using: &generator) ?? "a"
      default: characters.swapAt(index, Int.random(in: 0..<characters.count, using: &generator))
      }
      if characters.isEmpty { characters = ["_"] }
    }
    return String(characters)
  }
}
