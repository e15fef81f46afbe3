import COpenSSL
import COpenSSLShims

/// Reads libcrypto's queue of errors, which belongs to the thread: every call that may fail is
/// preceded by ``clear()``, or its outcome could be blamed on an older one.
enum LibraryErrors {
  static func clear() {
    ERR_clear_error()
  }

  /// The reason of the oldest error in the queue, which is the cause of the others.
  static func reason() -> String {
    let code = ERR_peek_error()
    guard code != 0 else { return "no reason given" }
    guard let text = ERR_reason_error_string(code) else { return "error \(code)" }
    return String(cString: text)
  }

  /// What the queue says about a failed handshake, read or write.
  static func tlsError() -> TLSError {
    let code = ERR_peek_error()
    guard hawser_ERR_GET_LIB(code) == ERR_LIB_SSL else { return .library(reason()) }
    let reasonCode = hawser_ERR_GET_REASON(code)
    switch reasonCode {
    case SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_CALLBACK_FAILED:
      // Our only callback that fails is the one that misses the application protocol.
      return .wrongApplicationProtocol
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_UNKNOWN_PROTOCOL, SSL_R_WRONG_SSL_VERSION,
      SSL_R_VERSION_TOO_LOW:
      return .unsupportedVersion
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER:
      return .notTLS
    case SSL_AD_REASON_OFFSET...(SSL_AD_REASON_OFFSET + 255):
      return alert(UInt8(truncatingIfNeeded: reasonCode - SSL_AD_REASON_OFFSET))
    default:
      return .library(reason())
    }
  }

  private static func alert(_ number: UInt8) -> TLSError {
    switch Int32(number) {
    case SSL_AD_NO_APPLICATION_PROTOCOL: .wrongApplicationProtocol
    case SSL_AD_PROTOCOL_VERSION: .unsupportedVersion
    default: .alertReceived(number)
    }
  }
}
