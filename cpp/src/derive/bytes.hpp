// How keys and numbers become the bytes of a message: numbers big-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "knockwork/derive.hpp"

namespace knockwork::derivation {

inline std::string_view view(const HostKey& key) {
  return {reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()};
}

inline void append(std::string& text, std::uint64_t number, int bytes) {
  while (bytes-- > 0) text += static_cast<char>(number >> (8 * bytes) & 0xff);
}

}  // namespace knockwork::derivation
