// Secret files on disk: only their owner may read them.
#include <fmt/format.h>
#include <openssl/crypto.h>

#include "facade/files.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
Secrets read_secrets(const std::filesystem::path& file) {
  std::optional<std::string> text = read_private_file(file);
  if (!text) {
    throw SystemError(fmt::format(
        "no secret file {0}: install the line that `knockwork derive host-key NAME` prints on the machine that "
        "keeps the fleet's secret, or make a new secret with `knockwork derive new-secret {0}`",
        file.string()));
  }
  try {
    Secrets secrets = Secrets::parse(*text, file.string());
    OPENSSL_cleanse(text->data(), text->size());
    return secrets;
  } catch (...) {
    OPENSSL_cleanse(text->data(), text->size());
    throw;
  }
}

}  // namespace knockwork
