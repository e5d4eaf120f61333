// Names of services, as this host's /etc/services has them.
#include "values/service_names.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>

#include "text/ascii.hpp"

namespace knockwork::spec {
namespace {

constexpr std::size_t kLongestServiceName = 64;

std::optional<std::uint16_t> look_up(const std::string& name, const char* protocol) {
  servent entry{};
  servent* found = nullptr;
  std::array<char, 8192> buffer{};  // the aliases of one service
  if (::getservbyname_r(name.c_str(), protocol, &entry, buffer.data(), buffer.size(), &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  const std::uint16_t port = ntohs(static_cast<std::uint16_t>(found->s_port));
  return port == 0 ? std::nullopt : std::optional(port);
}

}  // namespace

bool is_service_name(std::string_view text) {
  constexpr std::string_view kOthers = "0123456789-_.+";
  return !text.empty() && text.size() <= kLongestServiceName && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char byte) {
           return is_letter(byte) || kOthers.find(byte) != std::string_view::npos;
         });
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& byte : lowered) byte = to_lower(byte);
  return lowered;
}

std::optional<std::uint16_t> service_port(std::string_view name, Protocol protocol) {
  const char* const word = protocol == Protocol::tcp ? "tcp" : "udp";
  const std::string written(name);
  if (const auto port = look_up(written, word)) return port;
  return look_up(lower(written), word);
}

}  // namespace knockwork::spec
