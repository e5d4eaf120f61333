// Secret files: lines `[FROM_EPOCH] KIND:BASE64`. No error quotes what stands in one,
// but for names of hosts.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

#include "crypto/crypto.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/words.hpp"
#include "values/host_names.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kMasterKey = "master:", kHostKey = "host:";
constexpr const char* kShape =
    "write `master:BASE64` or `host:NAME:BASE64`, preceded by its first epoch if that is not 0";

struct Refused {
  std::string why;  // message and remedy
};

Epoch read_epoch(std::string_view text) {
  Epoch epoch = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Refused{fmt::format("not a secret: {}", kShape)};
  return epoch;
}

// "host:NAME:" leads it: sets the host, and returns the rest.
std::string_view read_host(std::string_view text, Secrets::Line& line) {
  text.remove_prefix(kHostKey.size());
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) throw Refused{fmt::format("a host's key without a name: {}", kShape)};
  auto name = derivation::normal_host(text.substr(0, colon));
  if (!name) throw Refused{derivation::kNotAHost};
  line.host = std::move(*name);
  return text.substr(colon + 1);
}

Secrets::Line read_line(std::string_view text) {
  Secrets::Line line;
  if (const std::size_t blank = text.find_first_of(kBlanks); blank != std::string_view::npos) {
    line.from = read_epoch(text.substr(0, blank));
    text = trimmed(text.substr(blank));
  }
  if (text.starts_with(kHostKey)) {
    text = read_host(text, line);
  } else if (text.starts_with(kMasterKey)) {
    text.remove_prefix(kMasterKey.size());
  } else {
    throw Refused{fmt::format("not a secret: {}", kShape)};
  }
  auto bytes = text.empty() || text.size() > 2 * kLongestSecret ? std::nullopt : crypto::from_base64(text);
  if (!bytes) throw Refused{"not base64: copy the whole line again"};
  line.bytes = std::move(*bytes);
  if (!line.host.empty() && line.bytes.size() != HostKey::kBytes) {
    throw Refused{fmt::format("a host's key of {} bytes, not {}: take it from `knockwork derive host-key`",
                              line.bytes.size(), HostKey::kBytes)};
  }
  if (line.host.empty() && line.bytes.size() < kShortestSecret) {
    throw Refused{
        fmt::format("a secret of {} bytes: the minimum is {}; `knockwork derive new-secret` generates one",
                    line.bytes.size(), kShortestSecret)};
  }
  if (line.bytes.size() > kLongestSecret) {
    throw Refused{fmt::format("a secret of {} bytes: the maximum is {}", line.bytes.size(), kLongestSecret)};
  }
  return line;
}

HostKey to_key(std::string_view bytes) {
  HostKey::Bytes key{};
  std::copy_n(bytes.begin(), key.size(), key.begin());
  HostKey made(key);
  crypto::wipe(key.data(), key.size());
  return made;
}

}  // namespace

Secrets Secrets::parse(std::string_view text, std::string name) {
  std::vector<Line> lines;
  std::vector<std::string> faults;
  std::set<std::pair<std::string, Epoch>> seen;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    try {
      Line read = read_line(line);
      if (!seen.emplace(read.host, read.from).second)
        throw Refused{fmt::format("a second secret from epoch {}: remove one", read.from)};
      lines.push_back(std::move(read));
    } catch (const Refused& refused) {
      faults.push_back(fmt::format("{}:{}: {}", name, number, refused.why));
    }
  }
  if (lines.empty() && faults.empty())
    faults.push_back(fmt::format("{} contains no secret: {}", name, kShape));
  if (!faults.empty()) throw SystemError(fmt::format("{}", fmt::join(faults, "\n")));
  return {std::move(name), std::move(lines)};
}

Secrets::~Secrets() {
  for (Line& line : lines_) crypto::wipe(line.bytes);
}

HostKey Secrets::key(std::string_view host, Epoch epoch) const {
  const Line* found = nullptr;
  std::set<std::string> others;
  bool known = false;
  for (const Line& line : lines_) {
    if (!line.host.empty() && line.host != host) {
      others.insert(line.host);
      continue;
    }
    known = true;
    if (line.from > epoch) continue;
    // A host's own key goes before the master's from the same epoch.
    if (found == nullptr || std::tie(found->from, found->host) < std::tie(line.from, line.host))
      found = &line;
  }
  if (found != nullptr) return found->host.empty() ? host_key(found->bytes, host) : to_key(found->bytes);
  if (known) {
    throw SystemError(fmt::format(
        "{} contains no secret for epoch {}, only for later ones: add the line of the secret for that epoch",
        name_, epoch));
  }
  throw SystemError(fmt::format(
      "{0} contains the key of {1}, not of {2}: install the line that `knockwork derive host-key {2}` "
      "prints, or set `host` in `derive` to the name that the key is for",
      name_, fmt::join(others, ", "), host));
}

std::string secret_line(const Secrets::Line& line) {
  return fmt::format("{}{}{}\n", line.from == 0 ? "" : fmt::format("{} ", line.from),
                     line.host.empty() ? "master:" : fmt::format("host:{}:", line.host),
                     crypto::to_base64(line.bytes));
}

}  // namespace knockwork
