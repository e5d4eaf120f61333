// A note of the declaration whose table was stamped last (records/stamp.hpp), by its bytes:
// /run/knockwork/bytes.
//
// Where the stamp still holds and bytes, build and files are the noted ones, an apply would read, check and
// compile a declaration only to find that nothing differs. A lost or stale note costs exactly that.
#pragma once

#include <optional>
#include <string>

namespace knockwork {

// Digests, each of one line's words.
struct BytesNote {
  std::string sources;  // what was read, and by which build
  std::string ruleset;  // what it compiled to
  std::string kept;     // the files that the apply left
  std::string links;    // this host's interfaces; "-" where the declaration names none
  bool operator==(const BytesNote&) const = default;
};

std::optional<BytesNote> read_bytes_note();
// What cannot be written is no error.
void write_bytes_note(const BytesNote& note);

}  // namespace knockwork
