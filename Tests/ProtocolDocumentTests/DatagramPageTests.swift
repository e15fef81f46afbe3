import HawserCryptography
import HawserPrimitives
import NIOCore
import Testing

@testable import HawserSecureDatagram

struct `The page of the protocol, on datagrams` {
  private let page: ProtocolPage
  private let samples: DatagramSamples

  init() throws {
    page = try ProtocolPage.read()
    samples = try DatagramSamples()
  }

  @Test func `shows each as it is written`() throws {
    let blocks = try samples.blocks()
    for (name, bytes) in blocks {
      #expect(try page.bytes(name) == ByteBuffer(bytes: bytes), "\(name)")
    }
    let shown = page.golden.keys.filter { $0.hasPrefix("datagram-") }
    #expect(Set(shown) == Set(blocks.map(\.name)))
  }

  @Test func `shows an INIT that a server answers`() throws {
    var listener = Listener(
      identity: samples.identity,
      configuration: ListenerConfiguration(),
      seed: Secret(bytes: [7]),
      at: .origin
    )
    var payload = ByteBuffer()
    let arrival = listener.receive(
      try page.bytes("datagram-init"),
      from: .documentation,
      at: .origin,
      into: &payload
    )
    guard case .handshake = arrival else {
      Issue.record("it was not taken")
      return
    }
    var answer = ByteBuffer()
    #expect(listener.nextTransmission(into: &answer) == .documentation)
    #expect(try ResponsePacket(decoding: answer).destination == samples.clientID)
  }

  @Test func `shows a RESP and a RETRY as they are read`() throws {
    let response = try ResponsePacket(decoding: page.bytes("datagram-resp"))
    #expect(response.destination == samples.clientID && response.source == samples.serverID)
    let retry = try RetryPacket(decoding: page.bytes("datagram-retry"))
    let opened = XChaCha20Poly1305.open(
      retry.sealedCookie,
      additionalData: try InitialPacket(decoding: page.bytes("datagram-init")).mac1.bytes,
      nonce: retry.nonce,
      key: samples.knock.cookieKey
    )
    #expect(opened == samples.cookie)
  }

  @Test func `shows messages that are read as what they are`() throws {
    let offer = try DatagramOffer(decoding: Array(page.bytes("datagram-offer").readableBytesView))
    #expect(offer == DatagramOffer(samples.capabilities, connection: samples.clientID))
    let answer = try DatagramAnswer(
      decoding: Array(page.bytes("datagram-answer").readableBytesView),
      to: offer
    )
    #expect(answer == .accepted(samples.agreement, connection: samples.serverID))
    let refusal = try DatagramAnswer(
      decoding: Array(page.bytes("datagram-refusal").readableBytesView),
      to: offer
    )
    #expect(refusal == .refused(.unsupportedExtension))
  }

  @Test func `shows a DATA that the server opens, and that the key it shows opens`() throws {
    let data = try page.bytes("datagram-data")
    var payload = ByteBuffer()
    let server = samples.channel(.server)
    let arrival = server.receive(data, from: .documentation, at: .origin, into: &payload)
    #expect(arrival == .payload(.segments))
    #expect(String(buffer: payload) == "hello")

    let key = AEADKey(
      .chaCha20Poly1305,
      key: Secret(bytes: try page.bytes("datagram-key-0").readableBytesView)
    )
    let bytes = Array(data.readableBytesView)
    let opened = key.open(
      Array(bytes.dropFirst(17)),
      additionalData: Array(bytes.prefix(17)),
      nonce: .bigEndian(0)
    )
    #expect(opened == [0] + Array("hello".utf8))
  }

  @Test func `lists extensions and refusals`() {
    let rows = page.numberedRows(under: "Agreement").map(\.number)
    // Fields, then extensions, then refusals.
    #expect(rows == [1, 3, 5, 7, 9, 11, 13, 62] + [2, 4, 6, 8] + [1, 2, 3, 4, 5])
    let known: [DatagramExtension] = [
      .acknowledgementRanges, .typedPayloads, .forwardErrorCorrection, .unreliableDatagrams,
    ]
    #expect(known.map(\.rawValue) == [2, 4, 6, 8])
    for code in UInt64(1)...5 {
      #expect(DatagramRefusal(code: code) != .other(code))
      #expect(DatagramRefusal(code: code).code == code)
    }
    #expect(DatagramRefusal(code: 6) == .other(6))
  }
}
