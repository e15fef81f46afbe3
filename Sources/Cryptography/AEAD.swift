internal import CSodium

/// The ciphers that encrypt and authenticate in one step, with keys of 32 bytes, nonces of 12 and
/// tags of 16.
package enum AEADAlgorithm: Sendable, Hashable, CaseIterable {
  /// RFC 8439; fast on every processor.
  case chaCha20Poly1305
  /// NIST SP 800-38D; only where the processor has instructions for it.
  case aes256GCM

  /// The length of a key, in bytes.
  package static let keyByteCount = 32
  /// The length of a tag, in bytes.
  package static let tagByteCount = 16

  /// Whether this machine can use it.
  package var isAvailable: Bool {
    Sodium.prepare()
    return switch self {
    case .chaCha20Poly1305: true
    case .aes256GCM: crypto_aead_aes256gcm_is_available() != 0
    }
  }
}

/// The nonce of one message: four zero bytes, and a number in one of two orders.
package enum AEADNonce: Sendable {
  /// The number in network order.
  case bigEndian(UInt64)
  /// The number with its lowest byte first.
  case littleEndian(UInt64)

  fileprivate func withBytes<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
    let number =
      switch self {
      case .bigEndian(let number): number.bigEndian
      case .littleEndian(let number): number.littleEndian
      }
    // Of words of 32 bits, because one of 64 would be put at a multiple of eight.
    let words = withUnsafeBytes(of: number) { bytes in
      (
        UInt32(0), bytes.load(fromByteOffset: 0, as: UInt32.self),
        bytes.load(fromByteOffset: 4, as: UInt32.self)
      )
    }
    return withUnsafePointer(to: words) { words in
      words.withMemoryRebound(to: UInt8.self, capacity: 12, body)
    }
  }
}

/// A key made ready for one cipher; zeroed when the last reference goes.
///
/// Not `Sendable`: a key belongs to one connection, which is confined to its event loop.
package final class AEADKey {
  /// The cipher that the key is for.
  package let algorithm: AEADAlgorithm
  /// The key itself, or for AES what libsodium has expanded it to.
  private let state: UnsafeMutableRawPointer
  private let stateByteCount: Int

  /// - Parameters:
  ///   - algorithm: One that ``AEADAlgorithm/isAvailable``.
  ///   - key: ``AEADAlgorithm/keyByteCount`` bytes.
  package init(_ algorithm: AEADAlgorithm, key: Secret) {
    precondition(key.count == AEADAlgorithm.keyByteCount)
    assert(algorithm.isAvailable)
    Sodium.prepare()
    self.algorithm = algorithm
    switch algorithm {
    case .chaCha20Poly1305:
      stateByteCount = key.count
      state = .allocate(byteCount: stateByteCount, alignment: 16)
      key.withUnsafePointer { state.copyMemory(from: $0, byteCount: key.count) }
    case .aes256GCM:
      stateByteCount = crypto_aead_aes256gcm_statebytes()
      state = .allocate(byteCount: stateByteCount, alignment: 16)
      let expanded = state.assumingMemoryBound(to: crypto_aead_aes256gcm_state.self)
      key.withUnsafePointer { _ = crypto_aead_aes256gcm_beforenm(expanded, $0) }
    }
  }

  deinit {
    sodium_memzero(state, stateByteCount)
    state.deallocate()
  }

  /// Encrypts a message in place.
  ///
  /// - Parameters:
  ///   - bytes: The message's place, from `start` to the end: a header that stays readable and is
  ///     authenticated, the plaintext, and ``AEADAlgorithm/tagByteCount`` bytes for the tag.
  ///   - start: Where the header begins.
  ///   - headerByteCount: The length of the header, which fits together with the tag.
  ///   - nonce: Never used before with this key.
  package func seal(
    _ bytes: inout MutableRawSpan,
    from start: Int,
    headerByteCount: Int,
    nonce: AEADNonce
  ) {
    let plaintextByteCount =
      bytes.byteCount - start - headerByteCount - AEADAlgorithm.tagByteCount
    precondition(start >= 0 && headerByteCount >= 0 && plaintextByteCount >= 0)
    bytes.withUnsafeMutableBytes { memory in
      guard let base = memory.baseAddress else { return }
      let header = (base + start).assumingMemoryBound(to: UInt8.self)
      let text = header + headerByteCount
      encrypt(
        text,
        into: text,
        tag: text + plaintextByteCount,
        count: plaintextByteCount,
        header: header,
        headerCount: headerByteCount,
        nonce: nonce
      )
    }
  }

  /// Decrypts a message.
  ///
  /// - Parameters:
  ///   - bytes: Header, ciphertext and tag.
  ///   - headerByteCount: The length of the header.
  ///   - nonce: The one that the message was sealed with.
  ///   - output: Where the plaintext is appended; it has room for as many bytes as the ciphertext.
  ///     Nothing is appended when the tag is wrong.
  /// - Returns: Whether header and ciphertext are authentic.
  package func open(
    _ bytes: RawSpan,
    headerByteCount: Int,
    nonce: AEADNonce,
    into output: inout OutputRawSpan
  ) -> Bool {
    let count = bytes.byteCount - headerByteCount - AEADAlgorithm.tagByteCount
    guard headerByteCount >= 0, count >= 0, output.freeCapacity >= count else { return false }
    return output.withUnsafeMutableBytes { memory, initializedCount in
      bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress, let place = memory.baseAddress else { return false }
        let header = base.assumingMemoryBound(to: UInt8.self)
        let isAuthentic = decrypt(
          header + headerByteCount,
          into: (place + initializedCount).assumingMemoryBound(to: UInt8.self),
          tag: header + headerByteCount + count,
          count: count,
          header: header,
          headerCount: headerByteCount,
          nonce: nonce
        )
        if isAuthentic { initializedCount += count }
        return isAuthentic
      }
    }
  }
}

extension AEADKey {
  /// Encrypts a message into a new array: the ciphertext followed by the tag. O(n).
  package func seal(
    _ plaintext: [UInt8],
    additionalData: [UInt8],
    nonce: AEADNonce
  ) -> [UInt8] {
    var sealed = [UInt8](repeating: 0, count: plaintext.count + AEADAlgorithm.tagByteCount)
    sealed.withUnsafeMutableBufferPointer { sealed in
      guard let place = sealed.baseAddress else { return }
      additionalData.withUnsafeBufferPointer { header in
        plaintext.withUnsafeBufferPointer { plaintext in
          // A pointer into an empty array may be null, which libsodium does not look at.
          encrypt(
            plaintext.baseAddress ?? UnsafePointer(place),
            into: place,
            tag: place + plaintext.count,
            count: plaintext.count,
            header: header.baseAddress ?? UnsafePointer(place),
            headerCount: header.count,
            nonce: nonce
          )
        }
      }
    }
    return sealed
  }

  /// Decrypts what ``seal(_:additionalData:nonce:)`` gave. O(n).
  ///
  /// - Returns: The plaintext, `nil` when it is not authentic.
  package func open(
    _ sealed: [UInt8],
    additionalData: [UInt8],
    nonce: AEADNonce
  ) -> [UInt8]? {
    let count = sealed.count - AEADAlgorithm.tagByteCount
    guard count >= 0 else { return nil }
    // One byte more, so that there is a place even for an empty plaintext.
    var plaintext = [UInt8](repeating: 0, count: count + 1)
    let isAuthentic = plaintext.withUnsafeMutableBufferPointer { plaintext in
      sealed.withUnsafeBufferPointer { sealed in
        additionalData.withUnsafeBufferPointer { header in
          guard let place = plaintext.baseAddress, let sealed = sealed.baseAddress else {
            return false
          }
          return decrypt(
            sealed,
            into: place,
            tag: sealed + count,
            count: count,
            header: header.baseAddress ?? sealed,
            headerCount: header.count,
            nonce: nonce
          )
        }
      }
    }
    guard isAuthentic else { return nil }
    plaintext.removeLast()
    return plaintext
  }
}

extension AEADKey {
  private func encrypt(
    _ plaintext: UnsafePointer<UInt8>,
    into ciphertext: UnsafeMutablePointer<UInt8>,
    tag: UnsafeMutablePointer<UInt8>,
    count: Int,
    header: UnsafePointer<UInt8>,
    headerCount: Int,
    nonce: AEADNonce
  ) {
    nonce.withBytes { nonce in
      switch algorithm {
      case .chaCha20Poly1305:
        _ = crypto_aead_chacha20poly1305_ietf_encrypt_detached(
          ciphertext,
          tag,
          nil,
          plaintext,
          UInt64(count),
          header,
          UInt64(headerCount),
          nil,
          nonce,
          state.assumingMemoryBound(to: UInt8.self)
        )
      case .aes256GCM:
        _ = crypto_aead_aes256gcm_encrypt_detached_afternm(
          ciphertext,
          tag,
          nil,
          plaintext,
          UInt64(count),
          header,
          UInt64(headerCount),
          nil,
          nonce,
          state.assumingMemoryBound(to: crypto_aead_aes256gcm_state.self)
        )
      }
    }
  }

  private func decrypt(
    _ ciphertext: UnsafePointer<UInt8>,
    into plaintext: UnsafeMutablePointer<UInt8>,
    tag: UnsafePointer<UInt8>,
    count: Int,
    header: UnsafePointer<UInt8>,
    headerCount: Int,
    nonce: AEADNonce
  ) -> Bool {
    nonce.withBytes { nonce in
      switch algorithm {
      case .chaCha20Poly1305:
        crypto_aead_chacha20poly1305_ietf_decrypt_detached(
          plaintext,
          nil,
          ciphertext,
          UInt64(count),
          tag,
          header,
          UInt64(headerCount),
          nonce,
          state.assumingMemoryBound(to: UInt8.self)
        ) == 0
      case .aes256GCM:
        crypto_aead_aes256gcm_decrypt_detached_afternm(
          plaintext,
          nil,
          ciphertext,
          UInt64(count),
          tag,
          header,
          UInt64(headerCount),
          nonce,
          state.assumingMemoryBound(to: crypto_aead_aes256gcm_state.self)
        ) == 0
      }
    }
  }
}
