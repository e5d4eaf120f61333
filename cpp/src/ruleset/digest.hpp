// A short name for a long text.
#pragma once

#include <cstdint>
#include <string>

namespace knockwork {

// The first eight bytes of its SHA-256: enough that no two of a table's texts ever meet.
std::uint64_t hash(const std::string& text);

// The same as 16 hexadecimal digits.
std::string short_digest(const std::string& text);

}  // namespace knockwork
