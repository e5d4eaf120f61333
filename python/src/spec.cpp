// Spec and what it is made of: durations as timedelta, networks as ipaddress
// has them, enumerations as the words of the declaration.

#include "knockwork/spec.hpp"

#include "bind.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

std::chrono::milliseconds to_span(kw::Duration duration) {
  return std::chrono::milliseconds(duration.milliseconds());
}

const char* word(kw::Protocol protocol) { return protocol == kw::Protocol::tcp ? "tcp" : "udp"; }
const char* word(kw::Mode mode) { return mode == kw::Mode::gate ? "gate" : "stealth"; }
const char* word(kw::WrongKnock wrong) { return wrong == kw::WrongKnock::lockout ? "lockout" : "ignore"; }
const char* word(kw::OnExpiry expiry) { return expiry == kw::OnExpiry::keep ? "keep" : "cut"; }

const char* word(kw::Refuse refuse) {
  switch (refuse) {
    case kw::Refuse::automatic:
      return "auto";
    case kw::Refuse::drop:
      return "drop";
    case kw::Refuse::reject:
      break;
  }
  return "reject";
}

const char* word(kw::Log log) {
  switch (log) {
    case kw::Log::none:
      return "none";
    case kw::Log::grants:
      return "grants";
    case kw::Log::all:
      break;
  }
  return "all";
}

py::tuple networks(const std::vector<kw::Network>& networks) {
  const py::object parse = py::module_::import("ipaddress").attr("ip_network");
  return to_tuple(networks,
                  [&](const kw::Network& network) -> py::object { return parse(to_string(network)); });
}

py::object guards(const kw::Guards& guards) {
  switch (guards.kind) {
    case kw::Guards::Kind::automatic:
      return py::str("auto");
    case kw::Guards::Kind::none:
      return py::str("none");
    case kw::Guards::Kind::listed:
      break;
  }
  return to_tuple(guards.ports);
}

py::tuple ports(kw::PortRange range) { return py::make_tuple(range.first, range.last); }

py::object number(std::optional<std::uint8_t> value) {
  return value ? py::int_(int{*value}) : py::object(py::none());
}

void bind_parts(py::module_& module) {
  Value<kw::Knock>(module, "Knock", "One packet to one closed port.")
      .hidden("protocol", [](const kw::Knock& k) { return word(k.protocol); })
      .hidden("port", [](const kw::Knock& k) { return k.port; })
      .finish();
  Value<kw::Service>(module, "Service",
                     "What a completed sequence opens: a port, or the ports first to last.")
      .hidden("protocol", [](const kw::Service& s) { return word(s.protocol); })
      .hidden("first", [](const kw::Service& s) { return s.first; })
      .hidden("last", [](const kw::Service& s) { return s.last; })
      .finish();
  using P = kw::PublicRule;
  Value<P>(module, "PublicRule", "An entry of `public`: a service with conditions, or a protocol.")
      .hidden("service", [](const P& p) { return p.service ? py::cast(*p.service) : py::object(py::none()); })
      .shown("protocol", [](const P& p) { return number(p.protocol); })
      .shown("icmp_type", [](const P& p) { return number(p.icmp_type); })
      .shown("interface",
             [](const P& p) { return p.interface.empty() ? py::object(py::none()) : py::str(p.interface); })
      .shown("from_", [](const P& p) { return networks(p.from); })
      .finish();
  using D = kw::Derivation;
  Value<D>(module, "Derivation", "How a sequence is derived from a secret.")
      .shown("secret_file", [](const D& d) { return d.secret_file; })
      .shown("host", [](const D& d) { return d.host.empty() ? py::object(py::none()) : py::str(d.host); })
      .shown("length", [](const D& d) { return d.length; })
      .shown(
          "protocols",
          [](const D& d) { return to_tuple(d.protocols, [](kw::Protocol p) { return py::str(word(p)); }); })
      .hidden("ports", [](const D& d) { return ports(d.ports); })
      .hidden("exclude", [](const D& d) { return to_tuple(d.exclude, ports); })
      .shown("period",
             [](const D& d) { return d.epoch ? py::object(py::none()) : py::cast(to_span(d.period)); })
      .shown("overlap", [](const D& d) { return to_span(d.overlap); })
      .shown("epoch", [](const D& d) { return d.epoch ? py::cast(*d.epoch) : py::object(py::none()); })
      .shown("accepts", [](const D& d) { return to_tuple(d.accepts); })
      .finish();
}

void bind_sequence(py::module_& module) {
  using S = kw::Sequence;
  Value<S>(module, "Sequence", "A name, an ordered list of knocks, and the services that they open.")
      .shown("name", [](const S& s) { return s.name; })
      .hidden("knock", [](const S& s) { return to_tuple(s.knock); })
      .hidden("opens", [](const S& s) { return to_tuple(s.opens); })
      .shown("step_timeout", [](const S& s) { return to_span(s.step_timeout); })
      .shown("open_for", [](const S& s) { return to_span(s.open_for); })
      .shown("sequence_timeout",
             [](const S& s) {
               return s.sequence_timeout ? py::cast(to_span(*s.sequence_timeout)) : py::object(py::none());
             })
      .shown("from_", [](const S& s) { return networks(s.from); })  // `from` is a keyword of Python's
      .shown("to", [](const S& s) { return networks(s.to); })
      .shown("once", [](const S& s) { return s.once; })
      .shown("on_expiry", [](const S& s) { return word(s.on_expiry); })
      .shown("derive", [](const S& s) { return s.derive ? py::cast(*s.derive) : py::object(py::none()); })
      .finish();
}

}  // namespace

void bind_spec(py::module_& module) {
  bind_parts(module);
  bind_sequence(module);
  using S = kw::Spec;
  Value<S>(module, "Spec", "A valid declaration.")
      .shown("mode", [](const S& s) { return word(s.mode); })
      .hidden("public", [](const S& s) { return to_tuple(s.public_services); })
      .hidden("public_rules", [](const S& s) { return to_tuple(s.public_rules); })
      .shown("ping", [](const S& s) { return s.ping; })
      .shown("refuse", [](const S& s) { return word(s.refuse); })
      .shown("always_allow", [](const S& s) { return networks(s.always_allow); })
      .shown("wrong_knock", [](const S& s) { return word(s.wrong_knock); })
      .shown("lockout", [](const S& s) { return to_span(s.lockout); })
      .hidden("guards", [](const S& s) { return guards(s.guards); })
      .shown("interfaces", [](const S& s) { return to_tuple(s.interfaces); })
      .shown("ipv4_prefix", [](const S& s) { return s.ipv4_prefix; })
      .shown("ipv6_prefix", [](const S& s) { return s.ipv6_prefix; })
      .shown("sources", [](const S& s) { return s.sources; })
      .shown("log", [](const S& s) { return word(s.log); })
      .shown("sequences", [](const S& s) { return to_tuple(s.sequences); })
      .finish();
}
