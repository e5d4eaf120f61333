// A small file of one user that several processes read and write: one at a time, each whole or not at all.
//
// It is a convenience: nothing is synced, and nobody waits long.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace knockwork {

class SharedFile {
 public:
  // Makes its folders, and holds others off until it goes out of scope. Throws SystemError.
  explicit SharedFile(std::filesystem::path path);
  ~SharedFile();
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  // Empty where there is none, or one far too long. Throw SystemError.
  std::string read() const;
  void write(std::string_view text) const;

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace knockwork
