#include "client/tokens/shared_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr milliseconds kPatience{1000};
constexpr std::size_t kLongest = 1 << 20;

[[noreturn]] void refuse(const char* doing, const fs::path& path) {
  throw SystemError(fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(errno)));
}

void make_folders(const fs::path& folder) {
  fs::path made;
  for (const fs::path& each : folder) {
    made /= each;
    if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
      refuse("make", made);
  }
}

bool lock(int file) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

}  // namespace

// Beside the file, which is another one after each write.
SharedFile::SharedFile(fs::path path) : path_(std::move(path)) {
  make_folders(path_.parent_path());
  const fs::path name = path_.string() + ".lock";
  lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (lock_ < 0) refuse("write", name);
  if (lock(lock_)) return;
  const int error = errno;
  ::close(lock_);
  errno = error;
  refuse("lock", name);
}

SharedFile::~SharedFile() { ::close(lock_); }

std::string SharedFile::read() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT) return "";
    refuse("read", path_);
  }
  if (!S_ISREG(status.st_mode) || static_cast<std::size_t>(status.st_size) > kLongest) return "";
  return read_file(path_).value_or("");
}

void SharedFile::write(std::string_view text) const {
  std::string name = path_.string() + ".XXXXXX";
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) refuse("write", path_);
  const bool whole = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = whole ? 0 : errno;
  ::close(file);
  if (whole && ::rename(name.c_str(), path_.c_str()) == 0) return;
  if (!whole) errno = error;
  const int why = errno;
  ::unlink(name.c_str());
  errno = why;
  refuse("write", path_);
}

}  // namespace knockwork
