// Preloaded: libnftables as a release to come may be, with other words for the same rules.
#include <dlfcn.h>

#include <string>

struct nft_ctx;

namespace {

void say_otherwise(std::string& text, const std::string& ours, const std::string& theirs) {
  for (std::size_t at = 0; (at = text.find(ours, at)) != std::string::npos; at += theirs.size())
    text.replace(at, ours.size(), theirs);
}

}  // namespace

extern "C" const char* nft_ctx_get_output_buffer(nft_ctx* context) {
  thread_local std::string text;
  static const auto real =
      reinterpret_cast<const char* (*)(nft_ctx*)>(::dlsym(RTLD_NEXT, "nft_ctx_get_output_buffer"));
  const char* const output = real(context);
  if (output == nullptr) return nullptr;
  text = output;
  say_otherwise(text, "meta pkttype", "packet type");
  say_otherwise(text, "ct state established", "ct state == established");
  say_otherwise(text, "17 . ", "udp . ");
  return text.c_str();
}
