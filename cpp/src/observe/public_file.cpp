// A file for other programs: the collector of node_exporter reads it as another user, at any time.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "knockwork/diagnostic.hpp"
#include "knockwork/observe.hpp"

namespace knockwork {
namespace {

// Gone at the end, unless it got its name.
class Unfinished {
 public:
  explicit Unfinished(const std::filesystem::path& path)
      : name_((path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string()),
        file_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (file_ >= 0) ::close(file_);
    if (file_ >= 0 && !named_) ::unlink(name_.c_str());
  }
  bool write(std::string_view text) const {
    while (file_ >= 0 && !text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return file_ >= 0;
  }
  bool publish(const std::filesystem::path& path) {
    constexpr mode_t kForAll = 0644;
    named_ = ::fchmod(file_, kForAll) == 0 && ::rename(name_.c_str(), path.c_str()) == 0;
    return named_;
  }

 private:
  std::string name_;
  int file_;
  bool named_ = false;
};

}  // namespace

void write_public(const std::string& path, std::string_view text) {
  Unfinished file(path);
  if (!file.write(text) || !file.publish(path))
    throw SystemError(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

}  // namespace knockwork
