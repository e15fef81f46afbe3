import COpenSSL
import COpenSSLShims
import struct NIOCore.ByteBuffer

/// What libssl reads ciphertext from and writes it to, in place of a socket: two buffers behind a
/// BIO of ours. With libcrypto's memory BIOs, which copy once more each way, it takes 1.6 times the
/// processor.
final class CiphertextPipe {
  /// Ciphertext from the peer that libssl has not read yet.
  var inbound = ByteBuffer()
  /// Ciphertext for the peer.
  var outbound = ByteBuffer()

  fileprivate func read(into target: UnsafeMutableRawBufferPointer) -> Int {
    inbound.readWithUnsafeReadableBytes { available in
      let count = min(available.count, target.count)
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: available[..<count]))
      return (count, count)
    }
  }

  fileprivate func write(_ bytes: UnsafeRawBufferPointer) {
    outbound.writeBytes(bytes)
  }
}

/// Owns the table of functions that makes a BIO out of a ``CiphertextPipe``.
final class CiphertextPipeMethod {
  private let method: OpaquePointer

  init() throws(TLSError) {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "hawser") else {
      throw .library(LibraryErrors.reason())
    }
    self.method = method
    BIO_meth_set_read(method) { bio, bytes, count in
      hawser_BIO_clear_retry_flags(bio)
      guard let pipe = CiphertextPipeMethod.pipe(of: bio), let bytes, count > 0 else { return 0 }
      let target = UnsafeMutableRawBufferPointer(start: bytes, count: Int(count))
      let read = pipe.read(into: target)
      if read > 0 { return Int32(read) }
      hawser_BIO_set_retry_read(bio)
      return -1
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      hawser_BIO_clear_retry_flags(bio)
      guard let pipe = CiphertextPipeMethod.pipe(of: bio), let bytes, count > 0 else { return 0 }
      pipe.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
      return count
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
  }

  deinit { BIO_meth_free(method) }

  /// Makes a BIO that reads and writes `pipe`, which must outlive it.
  func makeBIO(over pipe: CiphertextPipe) -> OpaquePointer? {
    guard let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, Unmanaged.passUnretained(pipe).toOpaque())
    BIO_set_init(bio, 1)
    return bio
  }

  private static func pipe(of bio: OpaquePointer?) -> CiphertextPipe? {
    BIO_get_data(bio).map { Unmanaged<CiphertextPipe>.fromOpaque($0).takeUnretainedValue() }
  }
}
