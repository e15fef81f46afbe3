internal import CSodium

/// A generator whose whole future follows from one seed: how a pure core is given its randomness.
///
/// It erases its key at each step ("Fast-key-erasure random-number generators", D. J. Bernstein,
/// 2017), so what it gave before cannot be computed from what it holds. A class, because two copies
/// of one state would give the same keys.
package final class SecretGenerator: RandomNumberGenerator {
  /// The length of a seed, in bytes.
  package static let seedByteCount = 32
  /// How much one step gives; long enough for all that one handshake needs.
  private static let poolByteCount = 256

  /// The next key, followed by what can be given away.
  private let memory: UnsafeMutablePointer<UInt8>
  private var used = poolByteCount

  private static let memoryByteCount = seedByteCount + poolByteCount

  /// - Parameter seed: ``seedByteCount`` bytes, ``Secret/random(count:)`` outside of tests; of a
  ///   longer or shorter one the digest is taken.
  package init(seed: Secret) {
    Sodium.prepare()
    memory = .allocate(capacity: Self.memoryByteCount)
    memory.initialize(repeating: 0, count: Self.memoryByteCount)
    if seed.count == Self.seedByteCount {
      seed.withUnsafePointer { memory.update(from: $0, count: Self.seedByteCount) }
    } else {
      memory.update(from: SHA256.hash(seed), count: Self.seedByteCount)
    }
  }

  deinit {
    sodium_memzero(memory, Self.memoryByteCount)
    memory.deallocate()
  }

  package func next() -> UInt64 {
    var word: UInt64 = 0
    withUnsafeMutableBytes(of: &word) { bytes in
      fill(bytes.assumingMemoryBound(to: UInt8.self))
    }
    return UInt64(littleEndian: word)
  }

  /// A secret of `count` bytes.
  package func secret(count: Int) -> Secret {
    Secret(count: count) { fill(UnsafeMutableBufferPointer(start: $0, count: count)) }
  }

  /// Bytes that are not secret, such as a nonce.
  package func bytes(count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    bytes.withUnsafeMutableBufferPointer { fill($0) }
    return bytes
  }

  private func fill(_ output: UnsafeMutableBufferPointer<UInt8>) {
    for index in output.indices {
      if used == Self.poolByteCount { step() }
      let next = memory + Self.seedByteCount + used
      output[index] = next.pointee
      next.pointee = 0
      used += 1
    }
  }

  private func step() {
    var key = [UInt8](repeating: 0, count: Self.seedByteCount)
    key.withUnsafeMutableBufferPointer { key in
      guard let base = key.baseAddress else { return }
      base.update(from: memory, count: key.count)
      randombytes_buf_deterministic(memory, Self.memoryByteCount, base)
      sodium_memzero(base, key.count)
    }
    used = 0
  }
}
