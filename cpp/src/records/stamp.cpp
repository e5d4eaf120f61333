#include "records/stamp.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <sstream>

#include "crypto/crypto.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "ruleset/on_demand/answers.hpp"
#include "ruleset/on_demand/severed.hpp"

namespace knockwork {
namespace {

std::filesystem::path stamp_path() { return std::filesystem::path(kRunDirectory) / "stamp"; }

std::string note(const Generation& generation, const std::string& digest) {
  return fmt::format("{} {} {} {}\n", generation.boot, generation.netns, generation.number, digest);
}

}  // namespace

std::string digest(const Ruleset& ruleset) {
  if (!has_severed(ruleset) && !has_answers(ruleset)) return digest(to_nft(ruleset));
  return digest(to_nft(without_answers(without_severed(ruleset))));
}

std::string digest(const std::string& text) { return crypto::to_hex(crypto::sha256(text)); }

Stamp last_stamp() {
  try {
    std::istringstream words(read_file(stamp_path()).value_or(""));
    Stamp stamp;
    words >> stamp.generation.boot >> stamp.generation.netns >> stamp.generation.number >> stamp.digest;
    if (words && stamp.generation.netns != 0) return stamp;
  } catch (const SystemError&) {
    return {};
  }
  return {};
}

bool stamped(const Generation& generation, const std::string& digest) {
  if (generation.netns == 0)
    return false;  // a kernel without cookies: namespaces could be mistaken for each other
  try {
    return read_file(stamp_path()) == note(generation, digest);
  } catch (const SystemError&) {
    return false;
  }
}

void stamp(const Generation& generation, const std::string& digest) {
  try {
    write_file(stamp_path(), note(generation, digest));
  } catch (const SystemError&) {
    return;  // the next apply reads the table instead
  }
}

void stamp_again() {
  // No more than the time of the last apply depends on it.
  static_cast<void>(::utimensat(AT_FDCWD, stamp_path().c_str(), nullptr, AT_SYMLINK_NOFOLLOW));
}

void forget_stamp() {
  try {
    remove_file(stamp_path());
  } catch (const SystemError&) {
    return;  // it is of an earlier generation, or says what stood before
  }
}

}  // namespace knockwork
