// Any bytes as a record that an earlier run left: refused, or read, and then written as it was read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "derive/records/clock.hpp"
#include "pending/pending.hpp"
#include "records/kept_answers.hpp"
#include "records/state.hpp"
#include "ruleset/plain.hpp"
#include "ruleset/ruleset.hpp"
#include "tokens/record.hpp"

namespace {

using namespace knockwork;

// What was written of a sound gate is one.
Ruleset reread(const std::string& text) {
  try {
    return parse_plain(text);
  } catch (const std::runtime_error&) {
    std::abort();
  }
}

void read(std::uint8_t kind, const std::string& text) {
  switch (kind % 6) {
    case 0: {
      const Saved saved = parse_saved(text);
      if (parse_saved(to_json(saved)) != saved) std::abort();
      return;
    }
    case 1: {  // of the last good gate, behind its digest
      const Ruleset gate = parse_plain(text);
      if (!is_plain(gate)) std::abort();
      if (!is_plain(reread(to_nft(gate)))) std::abort();
      return;
    }
    case 2: {
      const auto answers = parse_kept_answers(text);
      if (!answers.empty() && parse_kept_answers(kept_answers_text(answers)) != answers) std::abort();
      return;
    }
    case 3:
      parse_reading(text);
      return;
    case 4: {
      const Pending pending = parse_pending(text);
      if (parse_pending(to_json(pending)) != pending) std::abort();
      return;
    }
    default: {
      const TokenRecord record = parse_token_record(text);
      if (to_json(parse_token_record(to_json(record))) != to_json(record)) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  try {
    read(data[0], std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  } catch (const std::logic_error&) {
    throw;  // a fault of ours
  } catch (const std::runtime_error&) {
  }
  return 0;
}
