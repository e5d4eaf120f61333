#include "host/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "host/system_calls.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kPromise = "; nothing was changed";

[[noreturn]] void refuse(const char* doing, const std::filesystem::path& path) {
  const int error = errno;
  const std::string remedy = error == ENOSPC
                                 ? fmt::format(": free some space there and run again{}", kPromise)
                             : error == EACCES ? ": run as root (sudo)"
                                               : "";
  throw SystemError(fmt::format("cannot {} {}: {}{}", doing, path.string(), std::strerror(error), remedy));
}

struct stat status_of(int file, const char* doing, const std::filesystem::path& path) {
  struct stat status {};
  if (uninterrupted([&] { return ::fstat(file, &status); }) != 0) refuse(doing, path);
  return status;
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return uninterrupted([&] { return ::fsync(file); }) == 0;
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

Descriptor open_folder(const std::filesystem::path& folder) {
  return Descriptor(
      uninterrupted([&] { return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
}

// Makes the names in it last.
void sync_directory(const std::filesystem::path& file) {
  const Descriptor folder = open_folder(folder_of(file));
  if (folder.number() >= 0) uninterrupted([&] { return ::fsync(folder.number()); });
}

void make_directory(const std::filesystem::path& directory) {
  if (uninterrupted([&] { return ::mkdir(directory.c_str(), 0700); }) == 0) {
    sync_directory(directory);
  } else if (errno != EEXIST) {
    refuse("make the directory", directory);
  }
}

// Whoever may rename what is in a folder decides what is read there next. In one with the sticky
// bit only the owner of a file may, and the owner of the folder.
void refuse_if_others_may_replace(int folder, const std::filesystem::path& path) {
  const struct stat status = status_of(folder, "write", path);
  const std::string name = folder_of(path).string();
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    throw SystemError(fmt::format(
        "the directory {} belongs to another user, who could replace its contents: choose a directory of "
        "your own",
        name));
  }
  const bool group = (status.st_mode & S_IWGRP) != 0 && status.st_gid != ::getegid();
  if ((group || (status.st_mode & S_IWOTH) != 0) && (status.st_mode & S_ISVTX) == 0) {
    throw SystemError(fmt::format(
        "others can replace the contents of the directory {0}: `chmod go-w {0}`, or choose another", name));
  }
}

constexpr std::string_view kTemporary = ".knockwork.";
constexpr std::size_t kRandom = 8;

// A name that nobody can have taken in advance.
std::string temporary_name() {
  std::array<unsigned char, kRandom> bytes{};
  if (uninterrupted([&] { return ::getrandom(bytes.data(), bytes.size(), 0); }) !=
      static_cast<ssize_t>(bytes.size())) {
    return {};
  }
  std::string temporary(kTemporary);
  for (const unsigned char byte : bytes) temporary += fmt::format("{:02x}", byte);
  return temporary;
}

bool is_temporary_name(std::string_view name) {
  return name.size() == kTemporary.size() + 2 * kRandom && name.starts_with(kTemporary) &&
         name.find_first_not_of("0123456789abcdef", kTemporary.size()) == std::string_view::npos;
}

// Who writes a file has it locked: one that nobody has locked is of somebody who was killed.
void remove_if_left(int folder, const char* name) {
  const Descriptor file(
      uninterrupted([&] { return ::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); }));
  if (file.number() < 0 || ::flock(file.number(), LOCK_EX | LOCK_NB) != 0) return;
  uninterrupted([&] { return ::unlinkat(folder, name, 0); });
}

void remove_leftovers(int folder) {
  const int again = uninterrupted([&] { return ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  const auto close = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> names(again < 0 ? nullptr : ::fdopendir(again), close);
  if (!names) return;
  while (const dirent* entry = ::readdir(names.get())) {
    if (is_temporary_name(entry->d_name)) remove_if_left(folder, entry->d_name);
  }
}

struct Temporary {
  std::string name;
  Descriptor file;
};

// Somebody who looks for what was left may be faster than the lock.
Temporary make_temporary(int folder, const std::filesystem::path& path) {
  for (;;) {
    Temporary made{temporary_name(), Descriptor(-1)};
    made.file = Descriptor(uninterrupted([&] {
      return ::openat(folder, made.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }));
    if (made.file.number() < 0) refuse("write", path);
    uninterrupted([&] { return ::flock(made.file.number(), LOCK_EX); });
    if (status_of(made.file.number(), "write", path).st_nlink > 0) return made;
  }
}

enum class Present { replaced, kept, refused };  // what becomes of a file that is there already
enum class Folder { any, safe };                 // safe: where nobody else can replace the file

int move_to(int folder, const std::string& temporary, const std::string& name, Present present) {
  if (present == Present::replaced)
    return uninterrupted([&] { return ::renameat(folder, temporary.c_str(), folder, name.c_str()); });
  // Unlike rename(2), link(2) replaces nothing.
  const int linked =
      uninterrupted([&] { return ::linkat(folder, temporary.c_str(), folder, name.c_str(), 0); });
  const int error = errno;
  uninterrupted([&] { return ::unlinkat(folder, temporary.c_str(), 0); });
  errno = error;
  return linked == 0 || (error == EEXIST && present == Present::kept) ? 0 : -1;
}

// Writes a new file beside `path`, and gives it the name when it is whole and on the disk. All in the
// folder as it was opened and judged, whatever its path leads to by then.
void put_in_place(const std::filesystem::path& path, std::string_view text, Present present,
                  Folder kind = Folder::any) {
  const Descriptor folder = open_folder(folder_of(path));
  if (folder.number() < 0) refuse("write", path);
  if (kind == Folder::safe) refuse_if_others_may_replace(folder.number(), path);
  remove_leftovers(folder.number());
  const std::string name = path.filename().string();
  const Temporary temporary = make_temporary(folder.number(), path);
  if (!write_all(temporary.file.number(), text) ||
      move_to(folder.number(), temporary.name, name, present) != 0) {
    const int error = errno;
    uninterrupted([&] { return ::unlinkat(folder.number(), temporary.name.c_str(), 0); });
    errno = error;
    refuse("write", path);
  }
  uninterrupted([&] { return ::fsync(folder.number()); });
}

std::string read_all(int file, const std::filesystem::path& path, std::size_t most = SIZE_MAX) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse("read", path);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > most) return text;
  }
}

// Of the file that is open, so that nobody can exchange it in between.
void refuse_if_not_private(int file, const std::filesystem::path& path) {
  const struct stat status = status_of(file, "read", path);
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    throw SystemError(fmt::format("{} belongs to another user, who could replace it: `chown` it to {}",
                                  path.string(), ::geteuid() == 0 ? "root" : "yourself"));
  }
  if ((status.st_mode & 077) != 0) {
    throw SystemError(fmt::format(
        "others can read or write {0}: `chmod 600 {0}`, and replace the secret in it if someone could have "
        "read it",
        path.string()));
  }
}

void refuse_irregular(const struct stat& status, const std::filesystem::path& path) {
  if (S_ISREG(status.st_mode)) return;
  throw SystemError(fmt::format("{} is not a regular file", path.string()));
}

// A pipe would be waited for, and to open a device may do something: looked at before, and again when
// it is open, since it may have been exchanged.
std::optional<Descriptor> open_to_read(const std::filesystem::path& path) {
  struct stat status {};
  if (uninterrupted([&] { return ::stat(path.c_str(), &status); }) == 0) refuse_irregular(status, path);
  std::optional<Descriptor> file;
  file.emplace(
      uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
  if (file->number() < 0) {
    if (errno != ENOENT) refuse("read", path);
    return std::nullopt;
  }
  refuse_irregular(status_of(file->number(), "read", path), path);
  return file;
}

}  // namespace

std::string after_a_change(const SystemError& error) {
  std::string text = error.what();
  if (text.ends_with(kPromise)) text.resize(text.size() - kPromise.size());
  return text;
}

std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t most) {
  const auto file = open_to_read(path);
  if (!file) return std::nullopt;
  return read_all(file->number(), path, most);
}

std::optional<std::string> read_beginning(const std::filesystem::path& path, std::size_t bytes) {
  const auto file = open_to_read(path);
  if (!file) return std::nullopt;
  std::string text(bytes, '\0');
  const ssize_t count = uninterrupted([&] { return ::pread(file->number(), text.data(), bytes, 0); });
  if (count < 0) refuse("read", path);
  text.resize(static_cast<std::size_t>(count));
  return text;
}

std::optional<std::string> read_private_file(const std::filesystem::path& path) {
  const auto file = open_to_read(path);
  if (!file) return std::nullopt;
  refuse_if_not_private(file->number(), path);
  return read_all(file->number(), path);
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  make_directory(folder_of(path));
  put_in_place(path, text, Present::replaced);
}

void write_secret_file(const std::filesystem::path& path, std::string_view text, IfThere if_there) {
  make_directory(folder_of(path));
  put_in_place(path, text, if_there == IfThere::replace ? Present::replaced : Present::refused, Folder::safe);
}

void create_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code ignored;  // make_directory() says what is wrong
  std::filesystem::create_directories(folder_of(folder_of(path)), ignored);
  make_directory(folder_of(path));
  put_in_place(path, text, Present::kept);
}

std::filesystem::path drop_in_directory(const std::filesystem::path& declaration) {
  return declaration.parent_path() / "conf.d";
}

std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& declaration,
                                            std::error_code& error) {
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(drop_in_directory(declaration), error), end;
       !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.ends_with(".yml") && !name.starts_with(".")) files.push_back(at->path());
  }
  if (error == std::errc::no_such_file_or_directory) error.clear();
  std::sort(files.begin(), files.end());
  return files;
}

void remove_leftovers(const std::filesystem::path& directory) {
  const Descriptor folder = open_folder(directory);
  if (folder.number() >= 0) remove_leftovers(folder.number());
}

void remove_file(const std::filesystem::path& path) {
  if (uninterrupted([&] { return ::unlink(path.c_str()); }) != 0) {
    if (errno == ENOENT) return;
    refuse("remove", path);
  }
  sync_directory(path);
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (uninterrupted([&] { return ::rename(from.c_str(), to.c_str()); }) != 0) refuse("rename", from);
  sync_directory(to);
}

}  // namespace knockwork
