import HawserCryptography
import Testing

struct SecretTests {
  @Test
  func `no way of printing a secret shows its bytes`() {
    let secret = Secret(bytes: [0x41, 0x42, 0x43])
    #expect("\(secret)" == "<secret>")
    #expect(String(reflecting: secret) == "<secret>")
    var dumped = ""
    dump(secret, to: &dumped)
    #expect(!dumped.contains("41") && !dumped.contains("65"))
  }

  @Test
  func `bytes are lent and copied as they were given`() {
    let secret = Secret(bytes: [1, 2, 3])
    #expect(secret.count == 3)
    #expect(secret.revealedBytes == [1, 2, 3])
    let last = secret.withBytes { $0.unsafeLoad(fromByteOffset: 2, as: UInt8.self) }
    #expect(last == 3)
  }

  @Test
  func `an empty secret is legal`() {
    #expect(Secret(bytes: []).revealedBytes == [])
    #expect(Secret(bytes: []) == Secret.random(count: 0))
  }

  @Test
  func `secrets are equal when their bytes are`() {
    #expect(Secret(bytes: [1, 2]) == Secret(bytes: [1, 2]))
    #expect(Secret(bytes: [1, 2]) != Secret(bytes: [1, 3]))
    #expect(Secret(bytes: [1, 2]) != Secret(bytes: [1, 2, 0]))
  }

  @Test
  func `drawn secrets differ`() {
    #expect(Secret.random(count: 32) != Secret.random(count: 32))
  }
}
