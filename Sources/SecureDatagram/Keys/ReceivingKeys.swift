internal import HawserCryptography
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// Opens what is received: finds the key of a packet number's epoch, keeps out what was seen
/// before, and moves on only by what is authentic.
///
///     previous ◀── current ──▶ ahead₁ ahead₂ ahead₃
///
/// The first authentic packet of an epoch ahead makes it the current one and the current one the
/// previous; what came before that is gone. The previous one goes when the replay window of the
/// current one has left it behind, or after a while.
struct ReceivingKeys {
  private struct Epoch {
    let number: UInt64
    let key: AEADKey
    var window = ReplayWindow()
  }

  private var ratchet: KeyRatchet
  private var current: Epoch
  private var previous: Epoch?
  /// When the previous epoch's key is forgotten.
  private(set) var previousExpires: Instant?
  /// The keys of the epochs behind the current one, as many as anybody has asked for. Kept even
  /// when what asked was forged, so that a forger has us derive each once.
  private var ahead: [AEADKey] = []

  /// Begins with the epoch of `first`, as ``SendingKeys`` does.
  init(_ ratchet: KeyRatchet, first: UInt64 = 0) {
    self.ratchet = ratchet
    current = Epoch(number: first >> DatagramLimits.epochBits, key: self.ratchet.next())
  }

  /// The highest authentic packet number.
  var highest: UInt64? { current.window.highest ?? previous?.window.highest }

  /// Opens one datagram.
  ///
  /// - Parameters:
  ///   - datagram: Header, ciphertext and tag.
  ///   - number: The packet number in its header.
  ///   - now: The current instant.
  ///   - plaintext: Where the plaintext is appended.
  /// - Throws: ``DatagramRejection``; nothing is appended then, and nothing remembered.
  mutating func open(
    _ datagram: ByteBuffer,
    number: UInt64,
    at now: Instant,
    into plaintext: inout ByteBuffer
  ) throws(DatagramRejection) {
    expire(at: now)
    let epoch = number >> DatagramLimits.epochBits
    if epoch == current.number {
      try Self.check(current.window.verdict(on: number))
      try Self.open(datagram, number: number, key: current.key, into: &plaintext)
      current.window.insert(number)
      dropPreviousIfPassed(by: number)
    } else if epoch > current.number {
      let distance = epoch - current.number
      guard distance <= DatagramLimits.epochsAhead else { throw .tooFarAhead }
      while ahead.count < distance { ahead.append(ratchet.next()) }
      let key = ahead[Int(distance) - 1]
      try Self.open(datagram, number: number, key: key, into: &plaintext)
      previous = current
      previousExpires = now + DatagramLimits.oldKeyLifetime
      current = Epoch(number: epoch, key: key)
      ahead.removeFirst(Int(distance))
      current.window.insert(number)
    } else {
      guard let key = previous?.key, previous?.number == epoch,
        let verdict = previous?.window.verdict(on: number)
      else { throw .tooOld }
      try Self.check(verdict)
      try Self.open(datagram, number: number, key: key, into: &plaintext)
      previous?.window.insert(number)
    }
  }

  /// Forgets the previous key when its time has come.
  mutating func expire(at now: Instant) {
    guard let previousExpires, now >= previousExpires else { return }
    previous = nil
    self.previousExpires = nil
  }

  private mutating func dropPreviousIfPassed(by number: UInt64) {
    guard previous != nil,
      number - (current.number << DatagramLimits.epochBits) >= ReplayWindow.span
    else { return }
    previous = nil
    previousExpires = nil
  }

  private static func check(_ verdict: ReplayWindow.Verdict) throws(DatagramRejection) {
    switch verdict {
    case .fresh: break
    case .seen: throw .replayed
    case .tooOld: throw .tooOld
    }
  }

  private static func open(
    _ datagram: ByteBuffer,
    number: UInt64,
    key: AEADKey,
    into plaintext: inout ByteBuffer
  ) throws(DatagramRejection) {
    var isAuthentic = false
    plaintext.writeWithOutputRawSpan(minimumWritableBytes: datagram.readableBytes) { output in
      isAuthentic = key.open(
        datagram.readableBytesSpan,
        headerByteCount: DataHeader.byteCount,
        nonce: .bigEndian(number),
        into: &output
      )
    }
    guard isAuthentic else { throw .notAuthentic }
  }
}
