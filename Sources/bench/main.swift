import HawserPrimitives
import HawserSession
import NIOCore
func make(_ side: Side) -> Session {
  Session(configuration: SessionConfiguration(side: side, grace: .seconds(10), peerGrants: SessionLimits().initialGrants), budget: MemoryBudget(), at: .origin)
}
func run(_ recordSize: Int, _ streams: Int) throws {
  var a = make(.dialling), b = make(.accepting)
  let link = LinkID(1)
  var now = Instant.origin
  a.attach(link, epoch: 1, maximumRecordSize: recordSize, at: now)
  b.attach(link, epoch: 1, maximumRecordSize: recordSize, at: now)
  let chunk = ByteBuffer(repeating: 7, count: 65536)
  var ids: [StreamID] = []
  for _ in 0..<streams { ids.append(try a.open(OpenRequest(target: .service(1)), at: now)) }
  var total = 0
  let target = 2_000_000_000
  let clock = ContinuousClock()
  let start = clock.now
  for id in ids { _ = a.send(chunk, on: id, at: now) }
  var buf = ByteBuffer()
  var records = 0
  while total < target {
    now = now + .microseconds(10)
    while true {
      buf = ByteBufferAllocator().buffer(capacity: recordSize)
      guard let n = a.nextRecord(for: link, into: &buf, at: now) else { break }
      records += 1
      try b.receive(buf, on: link, at: now)
      a.delivered(n, on: link, at: now)
      while let e = b.nextEvent() {
        if case .readable(let id) = e {
          loop: while true { switch b.read(id, upTo: 65536, at: now) { case .bytes(let x): total += x.readableBytes; default: break loop } }
        } 
      }
    }
    buf.clear()
    while let n = b.nextRecord(for: link, into: &buf, at: now) { try a.receive(buf, on: link, at: now); b.delivered(n, on: link, at: now); buf.clear() }
    while let _ = a.nextEvent() {}
    for id in ids { while a.send(chunk, on: id, at: now) {} }
  }
  let t = clock.now - start
  let s = Double(t.components.seconds) + Double(t.components.attoseconds) / 1e18
  print("record \(recordSize) streams \(streams): \(Double(total) / s / 1e6) MB/s, \(s / Double(records) * 1e9) ns/record")
}
try run(16000, 1)
try run(16000, 16)
try run(1200, 1)
try run(1200, 16)
