package import HawserCryptography
internal import HawserPrimitives
internal import struct NIOCore.ByteBuffer

/// Something that the two ends of a channel do only if both know it.
///
/// Odd numbers are critical: a server that does not know one that is offered refuses.
package struct DatagramExtension: Sendable, Hashable, RawRepresentable {
  /// At most 62 bits.
  package let rawValue: UInt64

  package init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// KCP acknowledges by ranges, with the delay, in place of segments of 24 bytes.
  package static let acknowledgementRanges = DatagramExtension(rawValue: 2)
  /// Payloads of other kinds than ``PayloadKind/segments``.
  package static let typedPayloads = DatagramExtension(rawValue: 4)
  /// Forward error correction; this number is kept for it.
  package static let forwardErrorCorrection = DatagramExtension(rawValue: 6)
  /// Datagrams that may get lost; this number is kept for them.
  package static let unreliableDatagrams = DatagramExtension(rawValue: 8)

  var isCritical: Bool { rawValue % 2 == 1 }
}

/// What one end can do.
package struct DatagramCapabilities: Sendable, Hashable {
  /// In any order; ChaCha20-Poly1305 is always among them.
  package var ciphers: [AEADAlgorithm]
  /// Those that are offered, or accepted when offered.
  package var extensions: Set<DatagramExtension>

  /// By default the ciphers that this machine can use.
  package init(
    ciphers: [AEADAlgorithm] = AEADAlgorithm.allCases.filter(\.isAvailable),
    extensions: Set<DatagramExtension> = [.typedPayloads]
  ) {
    self.ciphers = ciphers
    self.extensions = extensions
  }

  /// What this program knows.
  package static let ours = DatagramCapabilities(
    extensions: [.typedPayloads, .acknowledgementRanges]
  )
}

/// What two ends agreed upon.
package struct DatagramAgreement: Sendable, Hashable {
  /// The version of the data phase.
  package let version: UInt64
  /// The cipher of the data phase.
  package let cipher: AEADAlgorithm
  /// What both know.
  package let extensions: Set<DatagramExtension>
}

/// Why a server that knows the client may knock refuses nevertheless.
package enum DatagramRefusal: Sendable, Hashable {
  /// No version is common.
  case unsupportedVersion
  /// A critical extension or field is unknown to the server.
  case unsupportedExtension
  /// No cipher is common.
  case unsupportedCipher
  /// The offer cannot be read.
  case malformed
  /// The server has as many channels as it may have.
  case overLimit
  /// A code of a later version.
  case other(UInt64)

  var code: UInt64 {
    switch self {
    case .unsupportedVersion: 1
    case .unsupportedExtension: 2
    case .unsupportedCipher: 3
    case .malformed: 4
    case .overLimit: 5
    case .other(let code): code
    }
  }

  init(code: UInt64) {
    self =
      switch code {
      case 1: .unsupportedVersion
      case 2: .unsupportedExtension
      case 3: .unsupportedCipher
      case 4: .malformed
      case 5: .overLimit
      default: .other(code)
      }
  }
}

/// What is wrong with a negotiation message.
package enum NegotiationError: Error, Hashable, Sendable {
  /// It ends inside a field.
  case truncated
  /// It has more fields than ``DatagramLimits/negotiationFields``.
  case tooManyFields
  /// A field comes twice, or after one with a greater id.
  case fieldOutOfOrder(id: UInt64)
  /// A field that has to be there is absent.
  case missingField(id: UInt64)
  /// A field's value has a wrong length, count or range.
  case malformedField(id: UInt64)
  /// A critical field that this version does not know or does not expect here.
  case unknownCriticalField(id: UInt64)
  /// The answer chose what was not offered.
  case notOffered

  /// What a server answers.
  var refusal: DatagramRefusal {
    switch self {
    case .unknownCriticalField: .unsupportedExtension
    case .truncated, .tooManyFields, .fieldOutOfOrder, .missingField, .malformedField, .notOffered:
      .malformed
    }
  }
}

/// The payload of Noise message 1.
package struct DatagramOffer: Sendable, Hashable {
  package var versions: [UInt64]
  /// The source id of the packet's header, which nothing else authenticates.
  package var connection: ConnectionID
  /// Numbers of ciphers; see ``HawserCryptography/AEADAlgorithm``'s in `PROTOCOL.md`.
  package var ciphers: [UInt64]
  package var extensions: [DatagramExtension]

  /// What both sides of the Noise handshake begin with.
  static let prologue = Array("hawser/1 datagrams".utf8)
  /// The versions that this program speaks.
  package static let supportedVersions: [UInt64] = [1]

  /// Offers all of `capabilities`.
  package init(_ capabilities: DatagramCapabilities, connection: ConnectionID) {
    versions = Self.supportedVersions
    self.connection = connection
    ciphers = capabilities.ciphers.map(\.number).sorted()
    extensions = capabilities.extensions.sorted { $0.rawValue < $1.rawValue }
  }

  package init(decoding payload: [UInt8]) throws(NegotiationError) {
    let fields = try NegotiationFields(splitting: payload, known: NegotiationField.offer)
    let many = DatagramLimits.negotiationListEntries
    versions = try fields.integers(.versions, in: 1...many)
    connection = try fields.connectionID()
    ciphers = try fields.integers(.ciphers, in: 1...many)
    extensions = try fields.integers(.extensions, in: 0...many)
      .map(DatagramExtension.init(rawValue:))
  }

  /// The payload, filled up to `count` bytes.
  package func encoded(paddedTo count: Int = 0) -> [UInt8] {
    var buffer = ByteBuffer()
    buffer.writeField(.versions, integers: versions)
    buffer.writeField(connection)
    buffer.writeField(.ciphers, integers: ciphers)
    buffer.writeField(.extensions, integers: extensions.map(\.rawValue))
    buffer.writePadding(to: count)
    return Array(buffer.readableBytesView)
  }

  /// The server's choice.
  func choose(from capabilities: DatagramCapabilities) -> Result<DatagramAgreement, Refused> {
    guard let version = versions.filter(Self.supportedVersions.contains).max() else {
      return .failure(Refused(.unsupportedVersion))
    }
    let unknown = extensions.contains { $0.isCritical && !capabilities.extensions.contains($0) }
    if unknown { return .failure(Refused(.unsupportedExtension)) }
    let common = capabilities.ciphers.filter { ciphers.contains($0.number) }
    // Whoever has instructions for AES is faster with it.
    guard let cipher = common.contains(.aes256GCM) ? .aes256GCM : common.first else {
      return .failure(Refused(.unsupportedCipher))
    }
    return .success(
      DatagramAgreement(
        version: version,
        cipher: cipher,
        extensions: capabilities.extensions.intersection(extensions)
      )
    )
  }

  struct Refused: Error {
    let refusal: DatagramRefusal

    init(_ refusal: DatagramRefusal) {
      self.refusal = refusal
    }
  }
}

/// The payload of Noise message 2.
package enum DatagramAnswer: Sendable, Hashable {
  /// The connection is what the source id of the packet's header has to be.
  case accepted(DatagramAgreement, connection: ConnectionID)
  case refused(DatagramRefusal)

  /// Reads the answer to `offer`, and checks that it chose from that.
  package init(decoding payload: [UInt8], to offer: DatagramOffer) throws(NegotiationError) {
    let fields = try NegotiationFields(splitting: payload, known: NegotiationField.answer)
    if fields.has(.refusal) {
      self = .refused(DatagramRefusal(code: try fields.integer(.refusal)))
      return
    }
    let version = try fields.integer(.version)
    let cipher = try fields.integer(.cipher)
    let extensions = try fields.integers(
      .extensions,
      in: 0...DatagramLimits.negotiationListEntries
    ).map(DatagramExtension.init(rawValue:))
    guard offer.versions.contains(version), offer.ciphers.contains(cipher),
      let algorithm = AEADAlgorithm(number: cipher),
      extensions.allSatisfy(offer.extensions.contains)
    else { throw .notOffered }
    self = .accepted(
      DatagramAgreement(version: version, cipher: algorithm, extensions: Set(extensions)),
      connection: try fields.connectionID()
    )
  }

  package func encoded() -> [UInt8] {
    var buffer = ByteBuffer()
    switch self {
    case .accepted(let agreement, let connection):
      buffer.writeField(connection)
      buffer.writeField(.extensions, integers: agreement.extensions.map(\.rawValue).sorted())
      buffer.writeField(.version, integers: [agreement.version])
      buffer.writeField(.cipher, integers: [agreement.cipher.number])
    case .refused(let refusal):
      buffer.writeField(.refusal, integers: [refusal.code])
    }
    return Array(buffer.readableBytesView)
  }
}

extension AEADAlgorithm {
  /// The number on the wire.
  var number: UInt64 {
    switch self {
    case .chaCha20Poly1305: 1
    case .aes256GCM: 2
    }
  }

  init?(number: UInt64) {
    switch number {
    case 1: self = .chaCha20Poly1305
    case 2: self = .aes256GCM
    default: return nil
    }
  }
}
