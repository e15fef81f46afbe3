/// The decoders that a fuzzer drives, and the only door to them from another package.
///
/// `Fuzz/` is a package of its own, because its flags instrument everything that it builds, and
/// `package` access ends at a package's border. So this one type is public; nothing in Hawser uses
/// it. The raw value is the name for `Scripts/fuzz` and of the folder in `Tests/FuzzCorpus`.
public enum FuzzTarget: String, CaseIterable, Sendable {
  /// HELLO.
  case hello
  /// WELCOME and REJECT.
  case answer
  /// Control messages on stream 0.
  case control
  /// Single frames.
  case frame
  /// A session whose peer, links and application do anything.
  case session
  /// Messages inside TLS.
  case message
  /// Datagrams from anybody, at a server's port and at a client.
  case packet
  /// What the messages of the datagram handshake carry.
  case negotiation
  /// An established channel whose peer says anything, from anywhere.
  case channel
  /// Segments of KCP.
  case segment
  /// Two KCP connections whose network and users do anything.
  case kcp
  /// Join URLs.
  case join
  /// TARGET of the command line.
  case target

  /// Runs the decoder over `input`, in whatever way the target splits it.
  ///
  /// A trap is a finding, and so is a complaint.
  ///
  /// - Parameter input: Any bytes.
  /// - Returns: What does not hold and should, such as "encoding and decoding again changed it";
  ///   `nil` when all is well.
  public func complaint(about input: [UInt8]) -> String? {
    switch self {
    case .hello: helloComplaint(about: input)
    case .answer: answerComplaint(about: input)
    case .control: controlComplaint(about: input)
    case .frame: frameComplaint(about: input)
    case .session: SessionOperations.complaint(about: input)
    case .message: messageComplaint(about: input)
    case .packet: packetComplaint(about: input)
    case .negotiation: negotiationComplaint(about: input)
    case .channel: ChannelOperations.complaint(about: input)
    case .segment: segmentComplaint(about: input)
    case .kcp: KCPOperations.complaint(about: input)
    case .join: joinComplaint(about: input)
    case .target: targetComplaint(about: input)
    }
  }
}
