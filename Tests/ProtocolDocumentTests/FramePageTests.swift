import HawserPrimitives
import HawserSession
import NIOCore
import Testing

struct `The page of the protocol, on frames` {
  private static let frames: [(block: String, frame: Frame)] = [
    (
      "frame-open-service",
      .open(
        StreamID(2),
        OpenRequest(target: .service(7), metadata: [.clientAddress("192.0.2.17:50123")])
      )
    ),
    ("frame-open-address", .open(StreamID(3), OpenRequest(target: .address("127.0.0.1:5432")))),
    ("frame-opened", .opened(StreamID(2))),
    (
      "frame-data",
      .data(StreamID(2), offset: 70_000, bytes: ByteBuffer(string: "hello"), fin: false)
    ),
    ("frame-data-fin", .data(StreamID(2), offset: 70_005, bytes: ByteBuffer(), fin: true)),
    ("frame-credit-stream", .streamCredit(StreamID(2), limit: 128 << 10)),
    ("frame-credit-session", .sessionCredit(limit: 384 << 20)),
    ("frame-credit-streams", .streamCount(limit: 2560)),
    ("frame-stop", .stop(StreamID(2), .cancelled)),
    (
      "frame-reset",
      .reset(StreamID(2), .targetUnreachable, finalSize: 0, retryable: true)
    ),
    ("frame-close", .close(.replaced, reason: "another process")),
  ]

  private let page: ProtocolPage

  init() throws {
    page = try ProtocolPage.read()
  }

  @Test(arguments: frames)
  func `shows each as it is written and read`(block: String, frame: Frame) throws {
    let golden = try page.bytes(block)
    var written = ByteBuffer()
    frame.write(into: &written)
    #expect(written == golden)
    var rest = golden
    #expect(try Frame(from: &rest) == frame)
    #expect(rest.readableBytes == 0)
  }

  @Test func `shows all of them`() {
    let shown = page.golden.keys.filter { $0.hasPrefix("frame-") }
    #expect(Set(shown) == Set(Self.frames.map(\.block)))
  }

  @Test func `lists the codes of streams and of the session`() {
    let streamRows = page.numberedRows(under: "Stream error codes")
    #expect(streamRows.count == 11)
    for row in streamRows {
      let meaning = (row.cells.first ?? "").prefix { $0 != ":" }
      let name = StreamErrorCode(rawValue: row.number).description
      #expect(name == meaning || name == "reader \(meaning)")
    }
    let closeRows = page.numberedRows(under: "Close codes")
    #expect(closeRows.count == 8)
    for row in closeRows {
      let meaning = (row.cells.first ?? "").prefix { $0 != ":" }
      #expect(CloseCode(rawValue: row.number).description == meaning)
    }
  }
}
