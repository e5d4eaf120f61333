// The file of a profile. It holds what opens doors, so a file that others can read or
// write is refused, as ssh refuses such keys.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "facade/files.hpp"
#include "facade/user.hpp"
#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

namespace fs = std::filesystem;

fs::path user_folder() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') {
    const passwd* entry = ::getpwuid(::geteuid());
    home = entry != nullptr ? entry->pw_dir : nullptr;
  }
  if (home == nullptr) throw SystemError("there is no home directory: name the profile with --profile");
  return fs::path(home) / ".config/knockwork";
}

Profile read_profile(const fs::path& file) {
  const fs::path path = file.empty() ? user_folder() / "hosts.yml" : file;
  const std::optional<std::string> text = read_private_file(path);
  if (!text) {
    throw SystemError(
        fmt::format("there is no profile {}: write one (on the host, `knockwork export` prints it), or name "
                    "another with --profile",
                    path.string()));
  }
  return load_profile(path.string(), *text);
}

}  // namespace knockwork
