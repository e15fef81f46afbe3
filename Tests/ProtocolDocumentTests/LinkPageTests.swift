import HawserPrimitives
import HawserTransport
import NIOCore
import Testing

struct `The page of the protocol, on messages inside TLS` {
  private let page: ProtocolPage

  init() throws {
    page = try ProtocolPage.read()
  }

  private func expect(
    _ message: LinkMessage,
    in block: String,
    _ write: (inout ByteBuffer) -> Void
  ) throws {
    let golden = try page.bytes(block)
    var written = ByteBuffer()
    write(&written)
    #expect(written == golden)
    var decoder = RecordDecoder()
    decoder.buffer.writeImmutableBuffer(golden)
    #expect(try decoder.next() == message)
    #expect(decoder.buffer.readableBytes == 0)
  }

  @Test func `shows each kind as it is written and read`() throws {
    let record = ByteBuffer(bytes: [2, 2, 2, 4])
    try expect(.record(record), in: "message-record") {
      RecordEncoder.write(record: record, to: &$0)
    }
    try expect(.report(300), in: "message-ack") { RecordEncoder.write(report: 300, to: &$0) }
    try expect(.ping(9), in: "message-ping") { RecordEncoder.write(ping: 9, to: &$0) }
    try expect(.pong(9), in: "message-pong") { RecordEncoder.write(pong: 9, to: &$0) }
    let shown = page.golden.keys.filter { $0.hasPrefix("message-") }
    #expect(shown.count == 4)
  }
}
