#include "host/user.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "knockwork/diagnostic.hpp"

namespace knockwork {

namespace {

const char* absolute(const char* path) { return path != nullptr && *path == '/' ? path : nullptr; }

const char* home() {
  const char* home = absolute(std::getenv("HOME"));
  if (home != nullptr) return home;
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr ? entry->pw_dir : nullptr;
}

}  // namespace

std::filesystem::path user_folder() {
  const char* folder = home();
  if (folder == nullptr) throw SystemError("there is no home directory: name the profile with --profile");
  return std::filesystem::path(folder) / ".config/knockwork";
}

std::filesystem::path state_folder() {
  if (const char* state = absolute(std::getenv("XDG_STATE_HOME")))
    return std::filesystem::path(state) / "knockwork";
  const char* folder = home();
  if (folder == nullptr) throw SystemError("there is no home directory");
  return std::filesystem::path(folder) / ".local/state/knockwork";
}

}  // namespace knockwork
