#include "confined.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "host/files.hpp"

namespace knockwork {
namespace {

bool write_map(const char* file, const std::string& text) {
  const int map = ::open(file, O_WRONLY | O_CLOEXEC);
  if (map < 0) return false;
  const bool written = ::write(map, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(map);
  return written;
}

// Root of a user namespace, so that nobody has to be root to fuzz.
bool be_root() {
  const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  if (::geteuid() == 0) return ::unshare(CLONE_NEWNS | CLONE_NEWNET) == 0;
  return ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) == 0 &&
         write_map("/proc/self/setgroups", "deny") && write_map("/proc/self/uid_map", "0 " + user + " 1") &&
         write_map("/proc/self/gid_map", "0 " + group + " 1");
}

bool own_folder(const std::filesystem::path& folder) {
  return ::mount("tmpfs", folder.parent_path().c_str(), "tmpfs", 0, "size=64m,mode=755") == 0;
}

bool everything_read_only_but(const std::filesystem::path& folder) {
  struct mount_attr read_only {
  }, writable{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  writable.attr_clr = MOUNT_ATTR_RDONLY;
  return (folder.empty() || ::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) == 0) &&
         ::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) == 0 &&
         (folder.empty() || ::mount_setattr(AT_FDCWD, folder.c_str(), 0, &writable, sizeof writable) == 0);
}

}  // namespace

bool confine(const std::filesystem::path& findings) {
  return be_root() && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         everything_read_only_but(findings) && own_folder(kStateDirectory) && own_folder(kRunDirectory);
}

void forget() {
  std::error_code none_there;
  std::filesystem::remove_all(kStateDirectory, none_there);
  std::filesystem::remove_all(kRunDirectory, none_there);
}

}  // namespace knockwork
