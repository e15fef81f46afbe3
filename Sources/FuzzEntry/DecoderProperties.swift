internal import HawserCredentials
internal import HawserHandshake
internal import HawserPrimitives
internal import HawserRouting
internal import HawserSession
internal import HawserTransport
internal import struct NIOCore.ByteBuffer

/// What holds for every decoder: whatever it accepts can be sent, and means the same again.
private let changed = "encoding and decoding again changed it"

func helloComplaint(about input: [UInt8]) -> String? {
  guard let hello = try? Hello(decoding: ByteBuffer(bytes: input)) else { return nil }
  guard let once = try? hello.encoded() else { return "it was accepted and cannot be sent" }
  guard let again = try? Hello(decoding: once).encoded() else { return "it is refused now" }
  return once == again ? nil : changed
}

func answerComplaint(about input: [UInt8]) -> String? {
  guard let answer = try? HandshakeAnswer(decoding: ByteBuffer(bytes: input)) else { return nil }
  guard let once = try? answer.encoded() else { return "it was accepted and cannot be sent" }
  guard let again = try? HandshakeAnswer(decoding: once).encoded() else {
    return "it is refused now"
  }
  return once == again ? nil : changed
}

extension HandshakeAnswer {
  fileprivate func encoded() throws(HandshakeError) -> ByteBuffer {
    switch self {
    case .welcome(let welcome): try welcome.encoded()
    case .reject(let reject): try reject.encoded()
    }
  }
}

/// The first byte is the size of the pieces in which the rest arrives.
func controlComplaint(about input: [UInt8]) -> String? {
  let (messages, failed) = controlMessages(in: input.dropFirst(), piece: input.count)
  let piece = Int(input.first ?? 0) + 1
  let (dripped, dripFailed) = controlMessages(in: input.dropFirst(), piece: piece)
  guard messages == dripped, failed == dripFailed else { return "pieces changed it" }
  for message in messages {
    guard let bytes = try? message.encoded() else { return "it was accepted and cannot be sent" }
    var decoder = ControlMessageDecoder()
    decoder.append(bytes)
    guard (try? decoder.next()) == message else { return changed }
  }
  return nil
}

private func controlMessages(
  in bytes: ArraySlice<UInt8>,
  piece: Int
) -> (messages: [ControlMessage], failed: Bool) {
  var decoder = ControlMessageDecoder()
  var messages: [ControlMessage] = []
  var rest = bytes
  while !rest.isEmpty {
    decoder.append(ByteBuffer(bytes: rest.prefix(piece)))
    rest = rest.dropFirst(piece)
    do {
      while let message = try decoder.next() { messages.append(message) }
    } catch {
      return (messages, true)
    }
  }
  return (messages, false)
}

func frameComplaint(about input: [UInt8]) -> String? {
  var record = ByteBuffer(bytes: input)
  while record.readableBytes > 0, let frame = try? Frame(from: &record) {
    var written = ByteBuffer()
    frame.write(into: &written)
    guard written.readableBytes <= frame.encodedSizeBound else { return "its bound is too low" }
    guard (try? Frame(from: &written)) == frame, written.readableBytes == 0 else { return changed }
  }
  return nil
}

/// The first byte is the size of the pieces in which the rest arrives.
func messageComplaint(about input: [UInt8]) -> String? {
  let (messages, failed) = linkMessages(in: input.dropFirst(), piece: input.count)
  let piece = Int(input.first ?? 0) + 1
  let (dripped, dripFailed) = linkMessages(in: input.dropFirst(), piece: piece)
  guard messages == dripped, failed == dripFailed else { return "pieces changed it" }
  var decoder = RecordDecoder()
  for message in messages {
    switch message {
    case .record(let record): RecordEncoder.write(record: record, to: &decoder.buffer)
    case .report(let count): RecordEncoder.write(report: count, to: &decoder.buffer)
    case .ping(let number): RecordEncoder.write(ping: number, to: &decoder.buffer)
    case .pong(let number): RecordEncoder.write(pong: number, to: &decoder.buffer)
    }
    guard (try? decoder.next()) == message else { return changed }
  }
  return nil
}

private func linkMessages(
  in bytes: ArraySlice<UInt8>,
  piece: Int
) -> (messages: [LinkMessage], failed: Bool) {
  var decoder = RecordDecoder()
  var messages: [LinkMessage] = []
  var rest = bytes
  while !rest.isEmpty {
    let next = rest.prefix(piece)
    decoder.makeRoom(for: next.count)
    decoder.buffer.writeBytes(next)
    rest = rest.dropFirst(piece)
    do {
      while let message = try decoder.next() { messages.append(message) }
    } catch {
      return (messages, true)
    }
  }
  return (messages, false)
}

func joinComplaint(about input: [UInt8]) -> String? {
  guard let text = String(validating: input, as: UTF8.self),
    let url = try? JoinURL(text: text)
  else { return nil }
  guard (try? JoinURL(text: url.text)) == url else { return changed }
  let secret = url.token.text.dropFirst(TokenID.length + 1)
  return url.description.contains(secret) ? "its description holds the secret" : nil
}

func targetComplaint(about input: [UInt8]) -> String? {
  guard let text = String(validating: input, as: UTF8.self),
    let target = try? TargetAddress(text: text)
  else { return nil }
  return (try? TargetAddress(text: target.description)) == target ? nil : changed
}
