#include "host/user.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "knockwork/diagnostic.hpp"

namespace knockwork {

std::filesystem::path user_folder() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') {
    const passwd* entry = ::getpwuid(::geteuid());
    home = entry != nullptr ? entry->pw_dir : nullptr;
  }
  if (home == nullptr) throw SystemError("there is no home directory: name the profile with --profile");
  return std::filesystem::path(home) / ".config/knockwork";
}

}  // namespace knockwork
