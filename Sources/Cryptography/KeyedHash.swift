internal import CSodium

/// BLAKE2b with a key and 16 bytes of output (RFC 7693): authenticates what has to be judged before
/// anything else is known, at the cost of one hash.
package enum KeyedHash {
  /// The length of a code, in bytes.
  package static let byteCount = AuthenticationCode.byteCount
  /// The length of a key, in bytes.
  package static let keyByteCount = 32

  /// The code of `message`; the key has from 1 to 64 bytes, ``keyByteCount`` usually. O(n).
  package static func code(of message: RawSpan, key: Secret) -> AuthenticationCode {
    Sodium.prepare()
    assert((1...64).contains(key.count))
    var words = (UInt64(0), UInt64(0))
    withUnsafeMutableBytes(of: &words) { output in
      let output = output.assumingMemoryBound(to: UInt8.self)
      guard let place = output.baseAddress else { return }
      message.withUnsafeBytes { message in
        key.withUnsafePointer { keyBytes in
          _ = crypto_generichash(
            place,
            output.count,
            message.assumingMemoryBound(to: UInt8.self).baseAddress,
            UInt64(message.count),
            keyBytes,
            key.count
          )
        }
      }
    }
    return AuthenticationCode(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1))
  }

  /// A key of ``keyByteCount`` bytes for one purpose, from what several purposes share. O(n).
  package static func key(label: String, from shared: [UInt8]) -> Secret {
    Sodium.prepare()
    return withContiguousBytes(of: Array(label.utf8) + shared) { message in
      Secret(count: keyByteCount) { key in
        _ = crypto_generichash(
          key,
          keyByteCount,
          message.baseAddress,
          UInt64(message.count),
          nil,
          0
        )
      }
    }
  }
}

/// What ``KeyedHash`` gives: 16 bytes, compared in constant time.
package struct AuthenticationCode: Sendable, Hashable {
  /// The length on the wire, in bytes.
  package static let byteCount = 16

  /// The first eight bytes in network order.
  package let high: UInt64
  /// The last eight bytes in network order.
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// All bits zero: stands where no code is known.
  package static let zero = AuthenticationCode(high: 0, low: 0)

  /// - Parameter bytes: Exactly ``byteCount`` bytes; `nil` is returned for any other number.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    let word = { (bytes: any Collection<UInt8>) in bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    high = word(bytes.prefix(8))
    low = word(bytes.dropFirst(8))
  }

  /// The ``byteCount`` bytes, as sent.
  package var bytes: [UInt8] {
    [high, low].flatMap { word in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }

  /// The code as a key for another code.
  package var secret: Secret {
    Secret(count: Self.byteCount) { memory in
      withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { bytes in
        UnsafeMutableRawPointer(memory).copyMemory(from: bytes)
      }
    }
  }

  package static func == (left: AuthenticationCode, right: AuthenticationCode) -> Bool {
    (left.high ^ right.high) | (left.low ^ right.low) == 0
  }
}

extension UnsafeMutableRawPointer {
  fileprivate func copyMemory(from bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    copyMemory(from: base, byteCount: bytes.count)
  }
}
