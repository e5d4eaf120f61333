#include "kernel/libraries/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <string_view>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

[[noreturn]] void missing(std::string_view file) {
  const char* reason = ::dlerror();
  throw SystemError(fmt::format("cannot load {}: {}: install nftables (Debian: apt install nftables)",
                                file.substr(0, file.find('.')),
                                reason == nullptr ? "no reason given" : reason));
}

}  // namespace

// Never closed: its functions are called until the process ends. Global, so that all is as if it were linked.
Library::Library(const char* file) : file_(file) {
  const auto open = [file] { return ::dlopen(file, RTLD_NOW | RTLD_GLOBAL) != nullptr; };
  bool opened = open();
  if (!opened) opened = open();  // the loader repeats no call that was interrupted
  if (!opened) missing(file_);
}

void* Library::find(const char* function) const {
  void* found = ::dlsym(RTLD_DEFAULT, function);
  if (found == nullptr) missing(file_);
  return found;
}

}  // namespace knockwork
