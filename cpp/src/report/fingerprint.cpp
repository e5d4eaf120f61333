#include "report/fingerprint.hpp"

#include <fmt/format.h>

#include "crypto/crypto.hpp"
#include "host/files.hpp"
#include "host/user.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kKeyBytes = 32, kShortestKey = 16;

// A line's end, which an editor or a template leaves, is no part of it.
std::string checked(const std::filesystem::path& path, std::string key) {
  if (key.size() != kKeyBytes && key.ends_with('\n')) key.pop_back();
  if (key.size() < kShortestKey) {
    throw SystemError(
        fmt::format("{} is not a fingerprint key, which needs at least {} bytes: delete it, or write another",
                    path.string(), kShortestKey));
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
  try {
    if (auto fleet = read_private_file(kFleetKey)) return Fingerprints(checked(kFleetKey, std::move(*fleet)));
  } catch (const SystemError&) {
    if (missing != MissingKey::make_if_possible) throw;
    return Fingerprints("");
  }
  const std::filesystem::path path = std::filesystem::path(kStateDirectory) / "fingerprint.key";
  std::string made = missing == MissingKey::do_without ? "" : crypto::random_bytes(kKeyBytes);
  try {
    if (auto key = read_file(path); key && key->size() == kKeyBytes) return Fingerprints(std::move(*key));
    if (!made.empty()) write_file(path, made);
  } catch (const SystemError&) {
    if (missing != MissingKey::make_if_possible) throw;
  }
  return Fingerprints(std::move(made));
}

std::string user_fingerprint(std::string_view text) {
  const std::filesystem::path path = user_folder() / "fingerprint.key";
  if (!read_file(path)) create_file(path, crypto::random_bytes(kKeyBytes));
  return Fingerprints(checked(path, read_file(path).value_or(""))).of(text);  // whoever was first
}

std::string Fingerprints::of(std::string_view text) const {
  if (key_.empty()) return "";
  return crypto::to_hex(crypto::Hmac(key_).of(text)).substr(0, 8);
}

Shown Fingerprints::shown(Ports ports) const {
  if (ports == Ports::revealed) {
    return {[](const Track& track) { return text_of(track); },
            [](const std::vector<Service>& services) { return text_of(services); }};
  }
  return {[*this](const Track& track) { return of("knock " + track.name + ' ' + text_of(track)); },
          [*this](const std::vector<Service>& services) {
            const std::string fingerprint = of("opens " + text_of(services));
            return fmt::format("{} service{}{}{}", services.size(), services.size() == 1 ? "" : "s",
                               fingerprint.empty() ? "" : " ", fingerprint);
          }};
}

}  // namespace knockwork
