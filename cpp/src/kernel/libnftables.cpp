#include "kernel/libnftables.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

[[noreturn]] void missing() {
  const char* reason = ::dlerror();
  throw SystemError(
      fmt::format("cannot load libnftables: {}: install nftables (Debian: apt install nftables)",
                  reason == nullptr ? "no reason given" : reason));
}

template <typename Function>
void find(const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
  if (function == nullptr) missing();
}

// Never closed: its functions are called until the process ends. Global, so that all is as if it were linked.
Libnftables load() {
  const auto open = [] { return ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_GLOBAL) != nullptr; };
  bool opened = open();
  if (!opened) opened = open();  // the loader repeats no call that was interrupted
  if (!opened) missing();
  Libnftables found{};
  find("nft_ctx_new", found.ctx_new);
  find("nft_ctx_free", found.ctx_free);
  find("nft_ctx_output_set_flags", found.ctx_output_set_flags);
  find("nft_ctx_set_dry_run", found.ctx_set_dry_run);
  find("nft_ctx_buffer_output", found.ctx_buffer_output);
  find("nft_ctx_buffer_error", found.ctx_buffer_error);
  find("nft_ctx_get_output_buffer", found.ctx_get_output_buffer);
  find("nft_ctx_get_error_buffer", found.ctx_get_error_buffer);
  find("nft_run_cmd_from_buffer", found.run_cmd_from_buffer);
  return found;
}

}  // namespace

const Libnftables& libnftables() {
  static const Libnftables loaded = load();
  return loaded;
}

}  // namespace knockwork
