#include "facade/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void refuse(const char* doing, const std::filesystem::path& path) {
  const int error = errno;
  const char* remedy = error == ENOSPC   ? ": make room there and run again; nothing was changed"
                       : error == EACCES ? ": run as root (sudo)"
                                         : "";
  throw SystemError(fmt::format("cannot {} {}: {}{}", doing, path.string(), std::strerror(error), remedy));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0;
}

void make_directory(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) refuse("make the directory", directory);
}

// Writes beside `path`, then calls `move` with both names.
void put_in_place(const std::filesystem::path& path, std::string_view text,
                  int (*move)(const char*, const char*)) {
  const std::string temporary = fmt::format("{}.{}", path.string(), ::getpid());
  const Descriptor file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.number() < 0) refuse("write", path);
  if (!write_all(file.number(), text) || move(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    errno = error;
    refuse("write", path);
  }
}

}  // namespace

std::optional<std::string> read_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    if (errno == ENOENT) return std::nullopt;
    refuse("read", path);
  }
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(file.number(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse("read", path);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  make_directory(path.parent_path());
  put_in_place(path, text, ::rename);
}

void create_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code ignored;  // make_directory() says what is wrong
  std::filesystem::create_directories(path.parent_path().parent_path(), ignored);
  make_directory(path.parent_path());
  put_in_place(path, text, [](const char* temporary, const char* target) {
    const int linked = ::link(temporary, target);  // unlike rename(2) it replaces nothing
    const int error = errno;
    ::unlink(temporary);
    errno = error;
    return linked == 0 || error == EEXIST ? 0 : -1;
  });
}

}  // namespace knockwork
