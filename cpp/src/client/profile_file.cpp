// The file of a profile. It holds what opens doors, so a file that others can read or
// write is refused, as ssh refuses such keys.
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

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

namespace {

// Judged on the open file: it cannot be another one a moment later.
void check_permissions(int number, const fs::path& file) {
  struct stat status {};
  if (::fstat(number, &status) != 0) {
    throw SystemError(fmt::format("cannot look at {}: {}", file.string(), std::strerror(errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    throw SystemError(fmt::format("the profile {} is not a regular file", file.string()));
  }
  if (status.st_uid != ::geteuid()) {
    throw SystemError(
        fmt::format("the profile {} belongs to another user: make it your own (chown)", file.string()));
  }
  if ((status.st_mode & 077) != 0) {
    throw SystemError(fmt::format("the profile {} is open to others (mode {:04o}): chmod 600 {}",
                                  file.string(), status.st_mode & 07777, file.string()));
  }
}

}  // namespace

Profile read_profile(const fs::path& file) {
  const fs::path path = file.empty() ? user_folder() / "hosts.yml" : file;
  const Socket opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (opened.number() < 0 && errno == ENOENT) {
    throw SystemError(
        fmt::format("there is no profile {}: write one (on the host, `knockwork export` prints it), or name "
                    "another with --profile",
                    path.string()));
  }
  if (opened.number() < 0) {
    throw SystemError(fmt::format("cannot read the profile {}: {}", path.string(), std::strerror(errno)));
  }
  check_permissions(opened.number(), path);
  std::string text;
  char buffer[16384];
  ssize_t count = 0;
  while ((count = ::read(opened.number(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  if (count < 0) {
    throw SystemError(fmt::format("cannot read the profile {}: {}", path.string(), std::strerror(errno)));
  }
  return load_profile(path.string(), text);
}

}  // namespace knockwork
