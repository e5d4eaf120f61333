// Who writes a declaration and who applies it from its files do so one after the other.
#pragma once

#include <chrono>
#include <filesystem>

namespace knockwork {

// Holds the folder of the host's declaration, as the collection's tasks do while they apply a new text and
// write it: whoever reads in between would put the old text back afterwards. Taken before the files are read,
// and held until they are applied. Nothing is held for another file, and where the folder cannot be locked.
class DeclarationLock {
 public:
  // Waits up to `timeout`. Throws SystemError.
  DeclarationLock(const std::filesystem::path& file, std::chrono::milliseconds timeout);
  ~DeclarationLock();
  DeclarationLock(const DeclarationLock&) = delete;
  DeclarationLock& operator=(const DeclarationLock&) = delete;

 private:
  int folder_ = -1;
};

}  // namespace knockwork
