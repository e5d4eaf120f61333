#include "derive/expansion.hpp"

#include <stdexcept>
#include <string>

namespace knockwork::derivation {
namespace {

constexpr unsigned kMostBlocks = 255;  // RFC 5869, 2.3: the counter is one byte

}  // namespace

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
  if (blocks_ > 0) message += crypto::view(block_);
  message += info_;
  message += static_cast<char>(++blocks_);
  block_ = key_.of(message);
  at_ = 0;
}

}  // namespace knockwork::derivation
