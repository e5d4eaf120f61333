#include "knockwork/trust.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

namespace fs = std::filesystem;

// Root, the caller, or who became root by sudo.
bool is_trusted(uid_t owner) {
  if (owner == 0 || owner == ::geteuid()) return true;
  const char* sudo = ::geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
  uid_t user = 0;
  if (sudo == nullptr) return false;
  const auto [end, error] = std::from_chars(sudo, sudo + std::strlen(sudo), user);
  return error == std::errc{} && *end == '\0' && owner == user;
}

class Judge {
 public:
  void file(const fs::path& path) {
    way_to(path);
    std::error_code error;
    const fs::path target = fs::canonical(path, error);
    struct stat status {};
    if (error || ::stat(target.c_str(), &status) != 0) return;
    if (!S_ISREG(status.st_mode)) return;  // refused by who reads it
    owner(path, status, "");
    if ((status.st_mode & 022) != 0) add(trust_.faults, "others can write to {0}: `chmod 0600 {0}`", path);
    if ((status.st_mode & S_IROTH) != 0 && may_enter(target.parent_path())) {
      add(trust_.warnings, "others can read the declaration {0}: `chmod 0600 {0}`", path);
    }
  }

  // In a folder with the sticky bit only the owner of a file may replace it.
  void folder(const fs::path& path) {
    struct stat status {};
    if (!seen_.insert(path).second || ::stat(path.c_str(), &status) != 0) return;
    owner(path, status, "the directory ");
    const bool sticky = (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & 022) != 0 && !sticky) {
      add(trust_.faults, "others can write to the directory {0}: `chmod go-w {0}`", path);
    }
  }

  Trust result() && { return std::move(trust_); }

 private:
  // Every directory on the way, that of each link included: who can write there can put another file in
  // place.
  void way_to(const fs::path& path) {
    constexpr int kMostLinks = 40;  // path_resolution(7)
    std::vector<fs::path> ahead;    // the next one last
    const auto go = [&](const fs::path& more) {
      ahead.insert(ahead.end(), std::make_reverse_iterator(more.end()),
                   std::make_reverse_iterator(more.begin()));
    };
    std::error_code error;
    fs::path at;
    go(fs::absolute(path, error));
    for (int links = 0; !ahead.empty() && links <= kMostLinks;) {
      const fs::path part = std::move(ahead.back());
      ahead.pop_back();
      if (part.is_absolute()) {
        at = part;
      } else if (part == "..") {
        at = at.parent_path();
      } else if (!part.empty() && part != ".") {
        folder(at);
        const fs::path target = fs::read_symlink(at / part, error);
        if (error) {
          at /= part;
        } else {
          ++links;
          go(target);
        }
      }
    }
  }

  template <typename Text>
  static void add(std::vector<std::string>& list, const Text& text, const fs::path& path) {
    list.push_back(fmt::format(fmt::runtime(text), path.string()));
  }

  void owner(const fs::path& path, const struct stat& status, const char* noun) {
    if (is_trusted(status.st_uid)) return;
    trust_.faults.push_back(fmt::format("{0}{1} belongs to another user: `chown {2} {1}`", noun,
                                        path.string(), ::geteuid() == 0 ? "root" : "$USER"));
  }

  static bool may_enter(const fs::path& folder) {
    struct stat status {};
    return ::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) != 0;
  }

  Trust trust_;
  std::set<fs::path> seen_;
};

}  // namespace

Trust judge_declaration(const fs::path& file) {
  Judge judge;
  judge.file(file);
  judge.folder(drop_in_directory(file));
  std::error_code error;  // told by who reads them
  for (const fs::path& part : drop_ins(file, error)) judge.file(part);
  return std::move(judge).result();
}

Trust judge_file(const fs::path& file) {
  Judge judge;
  judge.file(file);
  return std::move(judge).result();
}

void refuse_untrusted(const Trust& trust) {
  if (trust.faults.empty()) return;
  throw SystemError(fmt::format(
      "{}\nanyone who can write to a declaration decides who gets in: check its contents before you apply it",
      fmt::join(trust.faults, "\n")));
}

}  // namespace knockwork
