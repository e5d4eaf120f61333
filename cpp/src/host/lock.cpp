#include "host/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "host/files.hpp"
#include "host/system_calls.hpp"
#include "knockwork/declaration_lock.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {
namespace {

[[noreturn]] void refuse(const std::string& path, int error) {
  const char* remedy = error == EACCES ? ": run as root (sudo)" : "";
  throw SystemError(
      fmt::format("cannot take the lock {}: {}{}; nothing was changed", path, std::strerror(error), remedy));
}

// By its process id, which it writes when it takes the lock.
std::string holder(int file) {
  char buffer[32] = {};
  const ssize_t count = ::pread(file, buffer, sizeof buffer - 1, 0);
  return count > 0 ? fmt::format(" (process {})", std::string(buffer, static_cast<std::size_t>(count))) : "";
}

// Where nothing can be written, the folder itself is what everybody locks.
int open_lock(const std::string& path) {
  const bool made = uninterrupted([] { return ::mkdir(kRunDirectory, 0700); }) == 0;
  const int no_folder = !made && errno != EEXIST ? errno : 0;
  const char* folder = no_folder != 0 ? "/run" : kRunDirectory;
  int file =
      uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); });
  const int error = no_folder != 0 ? no_folder : errno;
  const bool unwritable = error == EROFS || error == ENOSPC || error == EDQUOT || error == ENOENT;
  if (file < 0 && unwritable && ::geteuid() == 0) {
    file = uninterrupted([&] { return ::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  }
  if (file < 0) errno = error;
  return file;
}

// Whether it was had in time; errno says why not.
bool taken(int file, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

Lock::Lock(std::chrono::milliseconds timeout) {
  const std::string path = std::string(kRunDirectory) + "/lock";
  file_ = open_lock(path);
  if (file_ < 0) refuse(path, errno);
  if (!taken(file_, timeout)) {
    const int error = errno;
    const std::string who = holder(file_);
    ::close(file_);
    if (error != EWOULDBLOCK) refuse(path, error);
    throw SystemError(fmt::format(
        "another knockwork process{} holds {}: wait until it finishes, or increase --lock-timeout; "
        "nothing was changed",
        who, path));
  }
  // For the message of whoever waits; a disk too full for it does not matter.
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(file_, 0) == 0) {
    uninterrupted([&] { return ::pwrite(file_, pid.data(), pid.size(), 0); });
  }
  for (const char* folder : {kRunDirectory, kStateDirectory}) remove_leftovers(folder);
}

Lock::~Lock() { ::close(file_); }

DeclarationLock::DeclarationLock(const std::filesystem::path& file, std::chrono::milliseconds timeout) {
  if (file != kDefaultDeclaration) return;
  const std::string folder = file.parent_path();
  folder_ = uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (folder_ < 0 || taken(folder_, timeout) || errno != EWOULDBLOCK) return;
  ::close(folder_);
  throw SystemError(fmt::format(
      "another program is writing to {}: wait until it finishes, or increase --lock-timeout; nothing was changed",
      folder));
}

DeclarationLock::~DeclarationLock() {
  if (folder_ >= 0) ::close(folder_);
}

}  // namespace knockwork
