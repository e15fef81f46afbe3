import COpenSSL
import COpenSSLShims
package import struct NIOCore.ByteBuffer

/// One TLS 1.3 connection without a socket or a clock: ciphertext in, plaintext out, and back.
///
///     handshaking ──▶ open ──▶ peerClosed
///          │            │           │
///          └────────────┴───────────┴──▶ failed (what was thrown is thrown again)
///
/// After each call, take what is due to the peer with ``takeCiphertext()``: also after an error,
/// for then it is the alert that tells the peer why. Confined to whoever owns it.
package final class TLSEngine {
  /// How far the connection has come.
  package enum State: Sendable, Hashable {
    /// Keys and identities are being agreed on.
    case handshaking
    /// Bytes may flow.
    case open
    /// The peer said that it sends no more; this side may still send.
    case peerClosed
    /// It ended with this error.
    case failed(TLSError)
  }

  /// How far the connection has come.
  package private(set) var state = State.handshaking

  /// Retained because libssl and its callbacks point into it.
  private let context: TLSContext
  private let pipe = CiphertextPipe()
  private let ssl: OpaquePointer
  private let recordsPerKey: Int
  private var recordsUnderKey = 0
  private var isCloseSent = false
  private var inspectedBytes = 0

  deinit { SSL_free(ssl) }

  /// - Parameters:
  ///   - context: Which end this is, and whom it trusts.
  ///   - recordsPerKey: Records sent after which the sending key is changed.
  /// - Throws: ``TLSError/library(_:)`` when libssl has no memory,
  ///   ``TLSError/untrustedCertificate(_:)`` when the host name to check is none.
  package init(
    context: TLSContext,
    recordsPerKey: Int = TLSLimits.recordsPerKey
  ) throws(TLSError) {
    LibraryErrors.clear()
    guard let ssl = SSL_new(context.pointer) else { throw .library(LibraryErrors.reason()) }
    self.context = context
    self.ssl = ssl
    self.recordsPerKey = recordsPerKey
    guard let bio = context.pipeMethod.makeBIO(over: pipe) else {
      throw .library(LibraryErrors.reason())
    }
    SSL_set_bio(ssl, bio, bio)
    switch context.side {
    case .server: SSL_set_accept_state(ssl)
    case .client(.pinned): SSL_set_connect_state(ssl)
    case .client(.webPKI(let hostName, _)):
      SSL_set_connect_state(ssl)
      try expect(hostName: hostName)
    }
  }

  /// Starts the handshake: a client has its ClientHello to send afterwards. For a server it does
  /// nothing.
  package func start() throws(TLSError) {
    guard state == .handshaking else { return }
    try advanceHandshake()
  }

  /// Takes ciphertext from the peer and appends the plaintext that it completes to `plaintext`.
  ///
  /// - Parameters:
  ///   - ciphertext: Any part of the peer's bytes, in order. Not copied when it is the only one.
  ///   - plaintext: Grows by less than the bytes of `ciphertext` and one TLS record.
  /// - Throws: What ended the connection. Plaintext appended before the error is genuine.
  package func receive(
    _ ciphertext: ByteBuffer,
    into plaintext: inout ByteBuffer
  ) throws(TLSError) {
    if case .failed(let error) = state { throw error }
    guard state != .peerClosed else { return }
    if inspectedBytes < Self.recordStart.count { try inspectStart(of: ciphertext) }
    if pipe.inbound.readableBytes == 0 {
      pipe.inbound = ciphertext
    } else {
      pipe.inbound.writeImmutableBuffer(ciphertext)
    }
    if state == .handshaking { try advanceHandshake() }
    if state == .open {
      plaintext.reserveCapacity(
        minimumWritableBytes: Self.plaintextCapacity(for: ciphertext.readableBytes)
      )
      try decrypt(into: &plaintext)
    }
    // The buffer of a read is not kept alive by the few bytes of it that libssl has taken already.
    if pipe.inbound.readableBytes == 0 { pipe.inbound = ByteBuffer() }
  }

  /// The peer's bytes have ended.
  ///
  /// - Throws: ``TLSError/truncated`` when the peer had not said that it was done.
  package func receiveEnd() throws(TLSError) {
    if case .failed(let error) = state { throw error }
    guard state == .peerClosed else { throw fail(.truncated) }
  }

  /// Encrypts plaintext for the peer.
  ///
  /// - Throws: ``TLSError/alreadyClosed`` before the handshake is done, or after ``close()``.
  package func send(_ plaintext: ByteBuffer) throws(TLSError) {
    if case .failed(let error) = state { throw error }
    guard state != .handshaking, !isCloseSent else { throw .alreadyClosed }
    let count = plaintext.readableBytes
    guard count > 0 else { return }
    let records = (count + TLSLimits.recordBytes - 1) / TLSLimits.recordBytes
    pipe.outbound.reserveCapacity(
      minimumWritableBytes: count + records * TLSLimits.recordOverhead
    )
    LibraryErrors.clear()
    recordsUnderKey += records
    if recordsUnderKey > recordsPerKey {
      recordsUnderKey = records
      SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED)
    }
    var written = 0
    let result = plaintext.withUnsafeReadableBytes { bytes in
      SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written)
    }
    // The pipe takes everything, so libssl never asks to be called again.
    guard result == 1, written == count else { throw fail(LibraryErrors.tlsError()) }
  }

  /// Tells the peer that this side sends no more (close_notify). Does nothing the second time.
  package func close() {
    guard !isCloseSent else { return }
    isCloseSent = true
    guard state == .open || state == .peerClosed else { return }
    LibraryErrors.clear()
    _ = SSL_shutdown(ssl)
  }

  /// Takes what is due to the peer, `nil` when nothing is.
  package func takeCiphertext() -> ByteBuffer? {
    guard pipe.outbound.readableBytes > 0 else { return nil }
    defer { pipe.outbound = ByteBuffer() }
    return pipe.outbound
  }

  /// 32 bytes that only the two ends of this connection know (RFC 8446 §7.5).
  ///
  /// - Throws: ``TLSError/alreadyClosed`` before the handshake is done.
  package func exportBinding() throws(TLSError) -> [UInt8] {
    guard state == .open || state == .peerClosed else { throw .alreadyClosed }
    LibraryErrors.clear()
    var binding = [UInt8](repeating: 0, count: TLSLimits.bindingBytes)
    let label = TLSLimits.bindingLabel
    let result = SSL_export_keying_material(
      ssl,
      &binding,
      binding.count,
      label,
      label.utf8.count,
      nil,
      0,
      0
    )
    guard result == 1 else { throw .library(LibraryErrors.reason()) }
    return binding
  }

  /// The peer's Ed25519 public key, 32 bytes; `nil` when it has shown none, or another kind.
  package var peerKey: [UInt8]? {
    SSL_get0_peer_certificate(ssl).flatMap(Ed25519Key.publicKey(of:))
  }

  private func advanceHandshake() throws(TLSError) {
    LibraryErrors.clear()
    let result = SSL_do_handshake(ssl)
    guard result != 1 else { return try finishHandshake() }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return
    default: throw fail(handshakeError())
    }
  }

  private func finishHandshake() throws(TLSError) {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    let chosen = UnsafeBufferPointer(start: name, count: Int(count))
    guard chosen.elementsEqual(TLSLimits.applicationProtocol.utf8) else {
      throw fail(.wrongApplicationProtocol)
    }
    state = .open
  }

  private func handshakeError() -> TLSError {
    guard case .client(let verification) = context.side else { return LibraryErrors.tlsError() }
    let verdict = SSL_get_verify_result(ssl)
    let isVerdict = hawser_ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED
    guard isVerdict else { return LibraryErrors.tlsError() }
    switch verification {
    case .pinned: return .wrongServerKey
    case .webPKI:
      return .untrustedCertificate(String(cString: X509_verify_cert_error_string(verdict)))
    }
  }

  /// Room for asking libssl once more, when it has nothing left.
  private static let spareBytes = 256

  /// What plaintext is expected from so much ciphertext. A large read may complete a record whose
  /// start libssl already has; a small one is not given the room for that, for whoever keeps a
  /// slice of the plaintext keeps all of it.
  private static func plaintextCapacity(for ciphertextBytes: Int) -> Int {
    let carried = ciphertextBytes >= TLSLimits.recordBytes / 4 ? TLSLimits.recordBytes : 0
    return ciphertextBytes + carried + spareBytes
  }

  private func decrypt(into plaintext: inout ByteBuffer) throws(TLSError) {
    while true {
      LibraryErrors.clear()
      var result: Int32 = 0
      plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.spareBytes) { target in
        var count = 0
        result = SSL_read_ex(ssl, target.baseAddress, target.count, &count)
        return count
      }
      guard result != 1 else { continue }
      switch SSL_get_error(ssl, result) {
      case SSL_ERROR_WANT_READ: return
      case SSL_ERROR_ZERO_RETURN:
        state = .peerClosed
        return
      default: throw fail(LibraryErrors.tlsError())
      }
    }
  }

  private func expect(hostName: String) throws(TLSError) {
    LibraryErrors.clear()
    let parameters = SSL_get0_param(ssl)
    // An address is checked against the certificate's addresses, and is not sent as a server name
    // (RFC 6066 §3).
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, hostName) == 1 { return }
    guard
      !hostName.isEmpty, SSL_set1_host(ssl, hostName) == 1,
      hawser_SSL_set_tlsext_host_name(ssl, hostName) == 1
    else { throw .untrustedCertificate("no host name: \(hostName)") }
    SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
  }

  /// The type and major version that the first record from a TLS peer begins with: a handshake or
  /// an alert, version 3.
  private static let recordStart: [ClosedRange<UInt8>] = [0x15...0x16, 0x03...0x03]

  private func inspectStart(of ciphertext: ByteBuffer) throws(TLSError) {
    for byte in ciphertext.readableBytesView.prefix(Self.recordStart.count - inspectedBytes) {
      guard Self.recordStart[inspectedBytes].contains(byte) else { throw fail(.notTLS) }
      inspectedBytes += 1
    }
  }

  private func fail(_ error: TLSError) -> TLSError {
    state = .failed(error)
    return error
  }
}
