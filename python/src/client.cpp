// Knocking, with the GIL released.

#include "knockwork/client.hpp"

#include <pybind11/chrono.h>
#include <pybind11/stl.h>

#include <stdexcept>

#include "bind.hpp"
#include "knockwork/wire.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

using std::chrono::milliseconds;

const char* word(kw::Knocked::Outcome outcome) {
  switch (outcome) {
    case kw::Knocked::Outcome::sent:
      return "sent";
    case kw::Knocked::Outcome::open:
      return "open";
    case kw::Knocked::Outcome::refused:
      return "refused";
    case kw::Knocked::Outcome::unreachable:
      break;
  }
  return "unreachable";
}

kw::Family family_named(const std::string& word) {
  if (word == "any") return kw::Family::any;
  if (word == "ipv4") return kw::Family::ipv4;
  if (word == "ipv6") return kw::Family::ipv6;
  throw std::invalid_argument("family: write any, ipv4 or ipv6");
}

kw::KnockTarget target(const std::string& host, const std::vector<std::string>& knocks,
                       const std::string& profile, const std::string& sequence,
                       const std::string& wait_open) {
  if (!knocks.empty()) return kw::target_of_knocks(host, knocks);
  const kw::Profile read = kw::read_profile(profile);
  if (!sequence.empty()) return kw::target_named(read, host, sequence);
  if (!wait_open.empty()) return kw::target_opening(read, host, kw::tcp_service(wait_open));
  return kw::only_target(read, host);
}

kw::Knocked knock(const std::string& host, const std::vector<std::string>& knocks, const std::string& profile,
                  const std::string& sequence, const std::string& wait_open, const std::string& source,
                  const std::string& interface, const std::string& family, bool both, bool prove,
                  std::optional<milliseconds> delay, milliseconds jitter, std::optional<int> retries,
                  std::optional<milliseconds> within, milliseconds timeout) {
  kw::Knocking how;
  how.way.family = family_named(family);
  how.way.source = source;
  how.way.interface = interface;
  how.delay = delay;
  how.jitter = jitter;
  how.retries = retries;
  how.within = within;
  how.timeout = timeout;
  const kw::KnockTarget chosen = target(host, knocks, profile, sequence, wait_open);
  const std::unique_ptr<kw::Wire> wire = kw::open_wire();
  std::optional<kw::Service> service;
  if (!wait_open.empty()) {
    service = kw::tcp_service(wait_open);
  } else if (prove) {
    service = chosen.proof;
  }
  if (both) return kw::knock_both(chosen, service, how, *wire);
  return service ? kw::knock_open(chosen, *service, how, *wire) : kw::knock(chosen, how, *wire);
}

}  // namespace

void bind_client(py::module_& module) {
  using K = kw::Knocked;
  Value<K>(module, "Knocked", "The result of knocking on a host.")
      .shown("outcome", [](const K& k) { return word(k.outcome); })
      .shown("host", [](const K& k) { return k.host; })
      .shown("address", [](const K& k) { return k.address; })
      .shown("addresses", [](const K& k) { return py::tuple(py::cast(k.addresses)); })
      .shown("sequence", [](const K& k) { return k.sequence; })
      .shown("rounds", [](const K& k) { return k.rounds; })
      .hidden("message", [](const K& k) { return k.message; })
      .finish();
  module.def("knock", knock, py::call_guard<py::gil_scoped_release>());
}
