// Preloaded: a libnftables that does not get through the tables of other programs.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>

struct nft_ctx;

namespace {

using Run = int (*)(nft_ctx*, const char*);
using Symbol = void* (*)(void*, const char*);

Run theirs = nullptr;

int run(nft_ctx* context, const char* command) {
  if (std::strncmp(command, "list ruleset", 12) == 0) std::abort();
  return theirs(context, command);
}

}  // namespace

// The command asks for the library's functions by name.
extern "C" void* dlsym(void* handle, const char* name) noexcept {
  static const auto real = reinterpret_cast<Symbol>(::dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34"));
  void* const found = real(handle, name);
  if (std::strcmp(name, "nft_run_cmd_from_buffer") != 0) return found;
  theirs = reinterpret_cast<Run>(found);
  return reinterpret_cast<void*>(&run);
}
