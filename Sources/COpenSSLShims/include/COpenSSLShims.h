// Wrappers of the libssl and libcrypto macros that Swift cannot import: the function-like ones, and
// the constants that carry a cast. Each does what the macro of its name does and nothing else.

#ifndef HAWSER_OPENSSL_SHIMS_H
#define HAWSER_OPENSSL_SHIMS_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

static inline int hawser_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline long hawser_SSL_CTX_set_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_mode(context, mode);
}

static inline int hawser_SSL_CTX_set1_sigalgs_list(SSL_CTX *context, const char *list) {
  return (int)SSL_CTX_set1_sigalgs_list(context, list);
}

static inline int hawser_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *list) {
  return (int)SSL_CTX_set1_groups_list(context, list);
}

static inline int hawser_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline long hawser_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
  return SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int hawser_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

static inline void hawser_BIO_set_retry_read(BIO *bio) {
  BIO_set_retry_read(bio);
}

static inline void hawser_BIO_clear_retry_flags(BIO *bio) {
  BIO_clear_retry_flags(bio);
}

static inline int hawser_ERR_GET_LIB(unsigned long code) {
  return ERR_GET_LIB(code);
}

static inline int hawser_ERR_GET_REASON(unsigned long code) {
  return ERR_GET_REASON(code);
}

// The options of every context: TLS 1.3 leaves little to forbid.
static inline uint64_t hawser_SSL_options(void) {
  return SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET;
}

// The server's order of ciphers and signature algorithms counts, but a client that puts ChaCha20
// first gets it: it has no AES in hardware.
static inline uint64_t hawser_SSL_server_options(void) {
  return SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
}

#endif
