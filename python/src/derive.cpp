// Host keys, and the knocks and tokens drawn from them.
#include "knockwork/derive.hpp"

#include <pybind11/chrono.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <stdexcept>

#include "bind.hpp"
#include "knockwork/token.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

using Range = std::pair<int, int>;  // first and last

py::bytes host_key(const std::string& master, const std::string& host) {
  if (master.size() < kw::kShortestSecret || master.size() > kw::kLongestSecret)
    throw std::invalid_argument("a master secret has 16 to 1024 bytes");
  const kw::HostKey key = kw::host_key(master, host);
  return {reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()};
}

[[noreturn]] void refuse(const char* what) { throw std::invalid_argument(what); }

kw::PortRange to_range(const Range& range) {
  if (range.first < 1 || range.second > 65535 || range.first > range.second)
    refuse("ports are ranges (first, last) within 1 to 65535");
  return {static_cast<std::uint16_t>(range.first), static_cast<std::uint16_t>(range.second)};
}

kw::Protocol to_protocol(const std::string& word) {
  if (word != "tcp" && word != "udp") refuse("protocols are tcp and udp");
  return word == "tcp" ? kw::Protocol::tcp : kw::Protocol::udp;
}

// What a declaration could hold, and nothing else.
kw::Derivation to_derivation(int length, const std::vector<std::string>& protocols, const Range& ports,
                             const std::vector<Range>& exclude) {
  kw::Derivation derivation;
  derivation.length = length;
  derivation.protocols.clear();
  for (const std::string& word : protocols) derivation.protocols.push_back(to_protocol(word));
  std::sort(derivation.protocols.begin(), derivation.protocols.end());
  derivation.ports = to_range(ports);
  for (const Range& range : exclude) derivation.exclude.push_back(to_range(range));
  if (length < 1 || length > 32) refuse("a sequence has 1 to 32 knocks");
  const auto twice = std::adjacent_find(derivation.protocols.begin(), derivation.protocols.end());
  if (protocols.empty() || twice != derivation.protocols.end())
    refuse("name each protocol once, one at least");
  std::size_t count = 0;
  for (const kw::PortRange range : kw::pool(derivation)) count += std::size_t{range.last} - range.first + 1;
  if (count < 256) refuse("fewer than 256 ports to draw from");
  return derivation;
}

kw::HostKey to_key(const std::string& key) {
  if (key.size() != kw::HostKey::kBytes) refuse("a key has 32 bytes");
  kw::HostKey::Bytes bytes{};
  std::copy(key.begin(), key.end(), bytes.begin());
  return kw::HostKey(bytes);
}

void refuse_unless_name(const std::string& sequence) {
  if (sequence.empty() || sequence.size() > 64 || sequence.find('\0') != std::string::npos)
    refuse("a sequence's name has 1 to 64 characters");
}

py::bytes token_key(const std::string& host_key, const std::string& sequence, std::uint32_t serial) {
  refuse_unless_name(sequence);
  const kw::TokenKey key = kw::token_key(to_key(host_key), sequence, serial);
  return {reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size()};
}

py::bytes token(const std::string& key, kw::Window window, kw::Losses losses,
                std::chrono::milliseconds period) {
  constexpr std::int64_t kMost = 0xffffffff;
  if (period.count() < 1 || period.count() > kMost) refuse("a period has 1 ms to 49 days");
  const kw::TokenBytes token =
      kw::TokenDrawer(to_key(key), kw::Duration::milliseconds(period.count())).at(window, losses);
  return {reinterpret_cast<const char*>(token.data()), token.size()};
}

py::tuple derive(const std::string& key, const std::string& sequence, kw::Epoch epoch, int length,
                 const std::vector<std::string>& protocols, const Range& ports,
                 const std::vector<Range>& exclude) {
  refuse_unless_name(sequence);
  return to_tuple(kw::derive(to_key(key), sequence, to_derivation(length, protocols, ports, exclude), epoch));
}

}  // namespace

void bind_derive(py::module_& module) {
  module.def("host_key", host_key);
  module.def("derive", derive);
  module.def("token_key", token_key);
  module.def("token", token);
}
