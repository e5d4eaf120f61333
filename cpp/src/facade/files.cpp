#include "facade/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
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

// Makes the names in it last.
void sync_directory(const std::filesystem::path& file) {
  const Descriptor directory(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() >= 0) ::fsync(directory.number());
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
  sync_directory(path);
}

std::string read_all(int file, const std::filesystem::path& path) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse("read", path);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

// Of the file that is open, so that nobody can exchange it in between.
void refuse_if_not_private(int file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file, &status) != 0) refuse("read", path);
  if (!S_ISREG(status.st_mode)) throw SystemError(fmt::format("{} is not a file", path.string()));
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    throw SystemError(fmt::format("{} belongs to another user, who could replace it: `chown` it to {}",
                                  path.string(), ::geteuid() == 0 ? "root" : "yourself"));
  }
  if ((status.st_mode & 077) != 0) {
    throw SystemError(
        fmt::format("others may read or write {0}: `chmod 600 {0}`, and replace the secret in it if someone "
                    "may have read it",
                    path.string()));
  }
}

std::optional<Descriptor> open_to_read(const std::filesystem::path& path) {
  std::optional<Descriptor> file;
  file.emplace(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file->number() >= 0) return file;
  if (errno != ENOENT) refuse("read", path);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_file(const std::filesystem::path& path) {
  const auto file = open_to_read(path);
  if (!file) return std::nullopt;
  return read_all(file->number(), path);
}

std::optional<std::string> read_private_file(const std::filesystem::path& path) {
  const auto file = open_to_read(path);
  if (!file) return std::nullopt;
  refuse_if_not_private(file->number(), path);
  return read_all(file->number(), path);
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

void remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return;
    refuse("remove", path);
  }
  sync_directory(path);
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) refuse("rename", from);
  sync_directory(to);
}

}  // namespace knockwork
