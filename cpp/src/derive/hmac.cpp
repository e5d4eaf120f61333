#include "derive/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace knockwork::derivation {
namespace {

constexpr unsigned kMostBlocks = 255;  // RFC 5869, 2.3: the counter is one byte

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void require(bool done) {
  if (!done) throw std::logic_error("libcrypto has no HMAC-SHA256");
}

using Context = std::unique_ptr<EVP_MAC_CTX, void (*)(EVP_MAC_CTX*)>;

Context make_prototype() {
  char sha256[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                                   OSSL_PARAM_construct_end()};
  const std::unique_ptr<EVP_MAC, void (*)(EVP_MAC*)> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                               EVP_MAC_free);
  Context context(algorithm ? EVP_MAC_CTX_new(algorithm.get()) : nullptr, EVP_MAC_CTX_free);
  require(context && EVP_MAC_CTX_set_params(context.get(), parameters) == 1);
  return context;
}

// Looking algorithms up by their names costs more than an HMAC: done once, and copied.
EVP_MAC_CTX* copy_of_prototype() {
  static const Context prototype = make_prototype();
  return EVP_MAC_CTX_dup(prototype.get());
}

}  // namespace

void Hmac::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

Hmac::Hmac(std::string_view key) : context_(copy_of_prototype()) {
  require(context_ && EVP_MAC_init(context_.get(), bytes(key), key.size(), nullptr) == 1);
}

Digest Hmac::of(std::string_view message) {
  Digest digest{};
  std::size_t size = 0;
  // Without a key, init starts anew from the state of the one it has.
  require(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1 &&
          EVP_MAC_update(context_.get(), bytes(message), message.size()) == 1 &&
          EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size());
  return digest;
}

std::uint32_t Expansion::next32() {
  if (at_ == block_.size()) next_block();
  std::uint32_t number = 0;
  for (int byte = 0; byte < 4; ++byte) number = number << 8 | block_[at_++];
  return number;
}

void Expansion::next_block() {
  if (blocks_ == kMostBlocks) throw std::logic_error("a sequence was not drawn within 255 blocks");
  std::string message;
  message.reserve(block_.size() + info_.size() + 1);
  if (blocks_ > 0) message += view(block_);
  message += info_;
  message += static_cast<char>(++blocks_);
  block_ = key_.of(message);
  at_ = 0;
}

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace knockwork::derivation
