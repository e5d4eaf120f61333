#include "records/in_doubt.hpp"

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

std::filesystem::path in_doubt_path() { return std::filesystem::path(kRunDirectory) / "in_doubt"; }

}  // namespace

void note_in_doubt(const std::string& digest) {
  try {
    write_file(in_doubt_path(), digest);
  } catch (const SystemError&) {
    return;
  }
}

void forget_in_doubt() {
  try {
    remove_file(in_doubt_path());
  } catch (const SystemError&) {
    return;  // then a repair asks for an apply
  }
}

std::optional<std::string> in_doubt() {
  try {
    return read_file(in_doubt_path());
  } catch (const SystemError&) {
    return "unknown";
  }
}

}  // namespace knockwork
