// Secret files on disk: only their owner may read them.
#include <fmt/format.h>

#include "crypto/crypto.hpp"
#include "host/files.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "values/host_names.hpp"

namespace knockwork {

Secrets read_secrets(const std::filesystem::path& file) {
  std::optional<std::string> text = read_private_file(file);
  if (!text) {
    throw SystemError(fmt::format(
        "no secret file {0}: install the line that `knockwork derive host-key NAME` prints on the machine "
        "with the fleet's secret, or generate a new secret with `knockwork derive new-secret {0}`",
        file.string()));
  }
  try {
    Secrets secrets = Secrets::parse(*text, file.string());
    crypto::wipe(*text);
    return secrets;
  } catch (...) {
    crypto::wipe(*text);
    throw;
  }
}

void make_secret(const std::filesystem::path& file, Epoch from, Append append) {
  const std::optional<std::string> there = read_private_file(file);
  std::string text = there.value_or("");
  if (!text.empty() && append == Append::no) {
    throw SystemError(fmt::format(
        "{} already exists and was not changed: name another file, or add a secret for later epochs with "
        "`--from-epoch`",
        file.string()));
  }
  Secrets::Line line{from, "", crypto::random_bytes(HostKey::kBytes)};
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += secret_line(line);
  crypto::wipe(line.bytes);
  Secrets::parse(text, file.string());  // refuses a second secret from the same epoch
  write_secret_file(file, text, there ? IfThere::replace : IfThere::refuse);
  crypto::wipe(text);
}

std::string host_key_lines(const Secrets& secrets, std::string_view host) {
  const auto name = derivation::normal_host(host);
  if (!name) throw SystemError(derivation::kNotAHost);
  std::string text;
  for (const Secrets::Line& line : secrets.lines()) {
    if (!line.host.empty()) continue;
    const HostKey key = host_key(line.bytes, *name);
    text += secret_line({line.from, *name, {key.bytes().begin(), key.bytes().end()}});
  }
  if (text.empty()) {
    throw SystemError(
        "the secret file contains only host keys: host keys are generated from a master secret, on the "
        "machine that has it");
  }
  return text;
}

}  // namespace knockwork
