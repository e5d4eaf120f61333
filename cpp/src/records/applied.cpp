#include "records/applied.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "records/last_good.hpp"
#include "records/stamp.hpp"

namespace knockwork {
namespace {

std::optional<std::chrono::milliseconds> changed(const char* folder, const char* name) {
  struct stat found {};
  if (::stat((std::filesystem::path(folder) / name).c_str(), &found) != 0) return std::nullopt;
  return std::chrono::seconds(found.st_mtim.tv_sec) +
         std::chrono::milliseconds(found.st_mtim.tv_nsec / 1'000'000);
}

bool is_dormant(const LiveTable& live) {
  return std::any_of(live.extra.begin(), live.extra.end(),
                     [](const std::string& each) { return each.find("dormant") != std::string::npos; });
}

std::optional<Ruleset> last_good() {
  try {
    return read_last_good();
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<bool> differs_from_applied(const LiveTable& live, const Generation& now,
                                         const OtherSpelling& other_spelling) {
  if (!live.strangers.empty() || is_dormant(live)) return true;
  const Stamp stamp = last_stamp();
  if (!stamp.digest.empty() && stamp.generation == now) return false;
  const std::string stands = digest(live.ruleset);
  const std::string kept = last_good_digest();
  if (stands == kept || stands == stamp.digest) return false;
  if (kept.empty() && stamp.digest.empty()) return std::nullopt;
  const std::optional<Ruleset> wanted = last_good();
  if (!wanted) return true;
  LiveTable respelled = live;
  other_spelling(respelled, *wanted);
  return digest(respelled.ruleset) != digest(*wanted);
}

std::optional<std::chrono::milliseconds> last_apply() { return changed(kRunDirectory, "stamp"); }
std::optional<std::chrono::milliseconds> last_rotation() { return changed(kStateDirectory, "epochs.json"); }

}  // namespace knockwork
