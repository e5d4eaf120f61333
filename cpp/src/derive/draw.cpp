// Keys and ports: docs/derivation.md, "Host key" and "Knocks".
#include <algorithm>
#include <stdexcept>

#include "derive/bytes.hpp"
#include "derive/expansion.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "values/host_names.hpp"
#include "values/lan_ports.hpp"

namespace knockwork {
namespace {

using namespace std::string_view_literals;
using crypto::Hmac;
using derivation::append;
using derivation::view;

constexpr std::string_view kSalt = "knockwork/1";
constexpr std::string_view kHost = "host\0"sv;
constexpr std::string_view kKnock = "knock\0"sv;
constexpr std::uint64_t kNumbers = std::uint64_t{1} << 32;  // of four bytes

std::size_t count(const std::vector<PortRange>& ranges) {
  std::size_t ports = 0;
  for (const PortRange range : ranges) ports += std::size_t{range.last} - range.first + 1;
  return ports;
}

std::uint16_t nth(const std::vector<PortRange>& ranges, std::uint32_t index) {
  for (const PortRange range : ranges) {
    const auto width = static_cast<std::uint32_t>(range.last - range.first + 1);
    if (index < width) return static_cast<std::uint16_t>(range.first + index);
    index -= width;
  }
  throw std::logic_error("a port outside the pool");
}

bool holds(const std::vector<Knock>& knocks, std::uint16_t port) {
  return std::any_of(knocks.begin(), knocks.end(), [&](Knock knock) { return knock.port == port; });
}

}  // namespace

HostKey::~HostKey() { crypto::wipe(bytes_.data(), bytes_.size()); }

HostKey host_key(std::string_view master, std::string_view host) {
  const auto name = derivation::normal_host(host);
  if (!name) throw SystemError(derivation::kNotAHost);
  const std::string info =
      std::string(kHost) + *name + '\1';  // HKDF-Expand's counter: 32 bytes are its first block
  crypto::Digest extracted = Hmac(kSalt).of(master);
  crypto::Digest expanded = Hmac(crypto::view(extracted)).of(info);
  const HostKey key(expanded);
  crypto::wipe(extracted.data(), extracted.size());
  crypto::wipe(expanded.data(), expanded.size());
  return key;
}

std::vector<PortRange> pool(const Derivation& derivation) {
  std::vector<PortRange> excluded = derivation.exclude;
  for (const LanPort& lan : kLanPorts) excluded.push_back({lan.port, lan.port});
  std::sort(excluded.begin(), excluded.end());
  std::vector<PortRange> ranges;
  std::uint32_t next = derivation.ports.first;  // the first port that is not decided yet
  for (const PortRange gap : excluded) {
    if (gap.first > derivation.ports.last) break;
    if (gap.first > next)
      ranges.push_back({static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(gap.first - 1)});
    next = std::max(next, std::uint32_t{gap.last} + 1);
  }
  if (next <= derivation.ports.last)
    ranges.push_back({static_cast<std::uint16_t>(next), derivation.ports.last});
  return ranges;
}

double choices(const Derivation& derivation) {
  const auto ports = static_cast<double>(count(pool(derivation)));
  double choices = 1;
  for (int drawn = 0; drawn < derivation.length; ++drawn)
    choices *= static_cast<double>(derivation.protocols.size()) * (ports - drawn);
  return choices;
}

// Not by <cmath>: the command would need libm, which takes a twentieth of a knock's time to load.
double bits_of(double choices) {
  constexpr double kPrecision = 1.0 / (1 << 20);
  double bits = 0;
  for (; choices >= 2; choices /= 2) ++bits;
  for (double bit = 0.5; bit > kPrecision; bit /= 2) {
    choices *= choices;
    if (choices < 2) continue;
    choices /= 2;
    bits += bit;
  }
  return bits;
}

struct Deriver::State {
  Hmac key;
  std::string info;          // with room for the epoch
  std::size_t epoch_at = 0;  // where in it
  std::vector<PortRange> ports;
  std::vector<Protocol> protocols;
  std::size_t length = 0;
  std::uint64_t choices = 0;  // protocol and port
};

Deriver::Deriver(const HostKey& key, std::string_view name, const Derivation& derivation)
    : state_(new State{Hmac(view(key)), std::string(kKnock), 0, pool(derivation), derivation.protocols,
                       static_cast<std::size_t>(derivation.length), 0}) {
  State& state = *state_;
  state.choices = std::uint64_t{count(state.ports)} * state.protocols.size();
  if (count(state.ports) < state.length || state.protocols.empty())
    throw std::logic_error("fewer ports than knocks");
  state.info += name;
  state.info += '\0';
  state.epoch_at = state.info.size();
  append(state.info, 0, 8);
  append(state.info, state.length, 1);
  append(state.info, state.protocols.size(), 1);
  for (const Protocol protocol : state.protocols) append(state.info, static_cast<std::uint8_t>(protocol), 1);
  append(state.info, state.ports.size(), 2);
  for (const PortRange range : state.ports) {
    append(state.info, range.first, 2);
    append(state.info, range.last, 2);
  }
}

Deriver::Deriver(Deriver&&) noexcept = default;
Deriver& Deriver::operator=(Deriver&&) noexcept = default;
Deriver::~Deriver() = default;

std::vector<Knock> Deriver::at(Epoch epoch) {
  State& state = *state_;
  std::string number;
  append(number, epoch, 8);
  state.info.replace(state.epoch_at, number.size(), number);
  derivation::Expansion stream(state.key, state.info);
  const std::uint64_t fair =
      kNumbers / state.choices * state.choices;  // beyond it some would come up oftener
  std::vector<Knock> knocks;
  knocks.reserve(state.length);
  while (knocks.size() < state.length) {
    const std::uint32_t drawn = stream.next32();
    if (drawn >= fair) continue;
    const std::uint64_t choice = drawn % state.choices;
    const std::uint16_t port = nth(state.ports, static_cast<std::uint32_t>(choice / state.protocols.size()));
    if (!holds(knocks, port)) knocks.push_back({state.protocols[choice % state.protocols.size()], port});
  }
  return knocks;
}

std::vector<Knock> derive(const HostKey& key, std::string_view name, const Derivation& derivation,
                          Epoch epoch) {
  return Deriver(key, name, derivation).at(epoch);
}

}  // namespace knockwork
