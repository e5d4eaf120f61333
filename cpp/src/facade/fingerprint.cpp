#include "facade/fingerprint.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "facade/files.hpp"
#include "facade/user.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kKeyBytes = 32;

std::string random_key() {
  std::string key(kKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1) {
    throw SystemError("no random numbers to be had for a fingerprint key");
  }
  return key;
}

std::string text_of(const Track& track) {
  std::string text;
  for (const Edge& edge : track.edges) text += (text.empty() ? "" : " ") + to_string(edge.knock);
  return text;
}

std::string text_of(const std::vector<Service>& services) {
  std::string text;
  for (const Service& service : services) text += (text.empty() ? "" : " ") + to_string(service);
  return text;
}

}  // namespace

Fingerprints Fingerprints::of_this_host(MissingKey missing) {
  const std::filesystem::path path = std::filesystem::path(kStateDirectory) / "fingerprint.key";
  std::string made = random_key();
  try {
    if (auto key = read_file(path); key && key->size() == kKeyBytes) return Fingerprints(std::move(*key));
    if (missing != MissingKey::do_without) write_file(path, made);
  } catch (const SystemError&) {
    if (missing != MissingKey::make_if_possible) throw;
  }
  return Fingerprints(std::move(made));
}

std::string user_fingerprint(std::string_view text) {
  const std::filesystem::path path = user_folder() / "fingerprint.key";
  if (!read_file(path)) create_file(path, random_key());
  auto key = read_file(path);  // whoever was first
  if (!key || key->size() != kKeyBytes) {
    throw SystemError(fmt::format("{} is no fingerprint key: delete it", path.string()));
  }
  return Fingerprints(std::move(*key)).of(text);
}

std::string Fingerprints::of(std::string_view text) const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, nullptr);
  return fmt::format("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
}

Shown Fingerprints::shown(Ports ports) const {
  if (ports == Ports::revealed) {
    return {[](const Track& track) { return text_of(track); },
            [](const std::vector<Service>& services) { return text_of(services); }};
  }
  return {[*this](const Track& track) { return of("knock " + track.name + ' ' + text_of(track)); },
          [*this](const std::vector<Service>& services) {
            return fmt::format("{} service{} {}", services.size(), services.size() == 1 ? "" : "s",
                               of("opens " + text_of(services)));
          }};
}

}  // namespace knockwork
